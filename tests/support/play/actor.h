/*
 * The programs in a transcript: started, typed into, listened to, ended.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a program wrote to stdout or stderr. */
struct stream {
    int fd; /* -1 after the end of file */
    char *bytes;
    size_t len;
    size_t taken; /* how many of them next_line has handed out */
};

struct actor {
    char name[32]; /* "server", "client2": how the transcript calls it */
    pid_t pid;
    int in; /* what is typed goes here; -1 once it was closed */
    struct stream out, err;
    bool running;
    int status;         /* once it no longer runs: its exit status, or ... */
    bool signalled;     /* ... the signal that ended it */
    bool unjudged;      /* what it prints from now on is not looked at */
    struct usage usage; /* when it was measured */
};

enum { ACTORS_MAX = 128 };
extern struct actor actors[ACTORS_MAX];
extern int actor_count;

/*
 * Starts the program `path` with the arguments and redirections that a shell
 * reads in `arguments`, and with a library preloaded unless that is "". Each
 * actor leads a process group of its own, so that what it starts ends with it.
 * Ends the program when that fails.
 */
struct actor *start_actor(const char *name, const char *path,
                          const char *arguments, const char *preload);

/* Whether that is the name of the tests' own program, not of who is tested. */
bool is_peer(const char *name);

/* Returns the actor of that name, or NULL. */
struct actor *find_actor(const char *name);

/* Writes to an actor's stdin, unless it is closed. */
void type_to(struct actor *actor, const char *bytes, size_t len);

/* Waits until some actor writes or ends, or the clock of now_ms reads
   deadline. Returns false in the last case. */
bool wait_for_actors(long long deadline);

/* Nobody hears any more what comes there. */
void close_stream(struct stream *stream);

/* Reads what actors write in so many milliseconds. */
void hear_actors(int ms);

/*
 * Returns the stream's next line without its newline, every byte readable
 * (`\r`, `\0`, `\x1b`), or NULL when no whole line is there yet. What stands
 * before the end of file is a line, too: "bye[no newline]". The caller frees
 * it.
 */
char *next_line(struct stream *stream);

/* Takes `text`, and spaces around it, if that is what comes next. */
bool next_is(struct stream *stream, const char *text);

/* Ends the trace: what happens from now on is the player's doing. */
void end_trace(void);

/* Ends all actors and reads what they had written. They stay in the list. */
void end_actors(void);

/* Ends what still lives and forgets all. A signal handler may call it. */
void kill_actors(void);

/* Milliseconds on a clock that is never set. */
long long now_ms(void);

#endif
