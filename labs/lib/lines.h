/*
 * What lab 3 taught, as a tool: lines. Used from lab 4 on.
 *
 * A line ends in `\n`; a `\r` before that is dropped. It has at most
 * LINE_LIMIT bytes as it travels, and any byte may be in it.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_LIMIT = 1024, LINE_ROOM = 1280 };

/* Bytes that were received and are not handed out yet. The caller owns it,
   one for each connection, and begins with {.fd = ...}. */
struct reader {
    int fd;
    size_t limit; /* of a line, if it is not LINE_LIMIT; at most LINE_ROOM */
    size_t start; /* of the bytes that are not handed out ... */
    size_t end;   /* ... and behind them */
    char buf[LINE_ROOM + 1];
};

/*
 * Fetches the next line, without its line end, from a connection or any other
 * descriptor. It stays valid until the next call. A last line without newline
 * counts when the end of file follows. Returns 1, or 0 at the end of file, or
 * -1 with errno of read(2), or with EMSGSIZE when the line is longer than
 * the limit. Taught by lab 3.
 */
int read_line(struct reader *reader, const char **line, size_t *len);

/* As read_line, for a line that is going to be sent: one that is too long is
   dropped with a warning, and another one is read. Given in lab 3. */
int read_typed_line(struct reader *reader, const char **line, size_t *len);

/* Sends a line and its newline in one go. Returns 0, or -1 with errno: that of
   send(2), or EMSGSIZE when it is too long. Taught by lab 3. */
int send_line(int conn, const char *line, size_t len);

/* The whole line is this word, and nothing else. Given in lab 3. */
bool line_is(const char *line, size_t len, const char *word);

#endif
