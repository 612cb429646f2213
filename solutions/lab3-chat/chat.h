/*
 * Lab 3, chat: what the server and the client do alike. Both send lines, hear
 * lines, and take turns.
 */
#ifndef CHAT_H
#define CHAT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest line, in bytes as they travel, the newline included. */
enum { LINE_LIMIT = 1024 };

/* Bytes that were received and are not handed out yet: read(2) may return a
   piece of a line, or more than one line. One byte more than a line may have
   shows that it is too long. */
struct reader {
    int fd;
    size_t start; /* of the bytes that are not handed out ... */
    size_t end;   /* ... and behind them */
    char buf[LINE_LIMIT + 1];
};

/* One side of a chat. */
struct chat {
    const char *peer;    /* what the other side is called: "Client" */
    struct reader typed; /* lines from stdin */
    struct reader heard; /* lines from the connection */
};

/*
 * Each of these does its part and returns whether the chat goes on. It ends
 * when either side says `bye` or the other side is gone; who learns that from
 * the other side prints "Client disconnected....". What else goes wrong ends
 * the program with status 1.
 */

/* Sends one line; it is given without its newline. */
bool say(struct chat *chat, const char *line, size_t len);

/* Waits for a line from the other side and prints it. */
bool hear(struct chat *chat);

/* Waits for a line on stdin and says it; the end of input says `bye`. */
bool speak(struct chat *chat);

#endif
