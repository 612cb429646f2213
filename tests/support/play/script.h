/*
 * Transcripts: what is typed into several programs, and what they print.
 *
 *     $ build/lab3/server 8080         starts a program; its name is "server",
 *                                      a second one's "server2"
 *                                      a shell reads what stands behind it:
 *                                      < FILE, > FILE and >&2 do what they do
 *     server: Listening on ...         the next line of its stdout
 *     server~ Client 1: Hello          one line of a block of such lines,
 *                                      which may come in any order
 *     client? Your name:               a line without its end, so far
 *     server! *bind*                   a line of its stderr; others may come
 *     server< Hello                    a line typed into it; ^D at the end of
 *                                      a line ends its input
 *     server: ...                      what else it prints is not judged, but
 *                                      a line that follows here has to come
 *     (server exits 0)                 a stage direction; direction.h has all
 *     # Words for a failure            likely cause of one in the next lines
 *
 * `*` stands for anything, `{name}` for a number that is the same wherever the
 * name is. The number after "port" in the first line without `*` that a
 * program prints is the transcript's port: programs are run with a port of
 * their own in its place.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum kind {
    STARTS = '$',
    PRINTS = ':',
    ANY = '~',
    ASKS = '?',
    COMPLAINS = '!',
    TYPES = '<',
    DIRECTION = '(',
};

struct line {
    enum kind kind;
    char *shown;      /* the whole line as written, the port as {port} */
    char *played;     /* the same with the numbers of this run, once it is */
    char name[32];    /* of the program; empty for STARTS and DIRECTION */
    const char *text; /* what follows, in `shown`; all of a DIRECTION */
    const char *hint; /* the likely cause when this line fails, or NULL */
    bool heard;       /* of kind ANY: it has come */
};

struct script {
    char *title; /* the handout's, or the file's name */
    char port[8];
    struct line *lines;
    size_t count;
    char *hint; /* of the lines that come next, while it is read */
    bool in_hint;
};

/*
 * Reads a file's transcripts: of a handout (.md) the blocks fenced with
 * ```transcript, else (or with "-", stdin) the whole. Returns how many; ends
 * the program where a line makes no sense.
 */
size_t load_scripts(const char *file, struct script **scripts);

/* Replaces each {name} that has a value. Without a value it becomes
   `otherwise`, or stays when that is NULL. The caller frees the result. */
char *expand(const char *text, const char *otherwise);

/*
 * Compares, and gives each {name} that had none the value that it met. When
 * they differ, *at is how many bytes of `got` agreed.
 */
bool matches(const char *want, const char *got, size_t *at);

/* From now on no {name} has a value. */
void forget_values(void);

#endif
