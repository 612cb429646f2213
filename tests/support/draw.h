/*
 * A trace, and the picture that is made of it: trace.c reads the one and finds
 * out what follows from what, draw.c puts it into rows and columns, picture.c
 * shows these as text or as SVG.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    LIFELINES_MAX = 4096,
    COLUMNS_MAX = 64,
    ADDRESS = 64,
    TEXT_SIZE = 400,
    ROW_TEXT = 2 * TEXT_SIZE + 16
};

/* What a call does, whatever its name. STDIN is to read what is typed; from
   PRINT on they are no calls, but are treated as calls of no length: RETURN
   ends a thread, after MORE there is more, which the trace does not have. */
enum kind {
    OTHER,
    LISTEN,
    ACCEPT,
    CONNECT,
    SEND,
    RECEIVE,
    STDIN,
    POLL,
    SHUTDOWN,
    CLOSE,
    THREAD,
    FORK,
    PRINT,
    RETURN,
    EXIT,
    MORE
};

/* A lifeline: a process, or one more thread of it. */
struct lifeline {
    long pid, thread; /* thread 0 is the one that a process begins with */
    char name[32];
    bool listens;              /* a server, and so on the left */
    struct call *creator;      /* of a thread, or a child */
    struct call *first, *last; /* of its calls */
    struct call *now;          /* the last that is in the picture */
    bool started, gone;
    int column; /* -1: not drawn */
};

/* One end of a connection, as far as the trace has been followed. */
struct end {
    char own[ADDRESS], other[ADDRESS]; /* "-" where it is not connected */
    struct end *peer;
    struct lifeline *user; /* the last that has used it */
    long sent, taken;      /* bytes */
    struct call *closer;   /* who tells the peer that no more comes, or NULL */
};

/* A call, from the time that it began until it returned. */
struct call {
    struct lifeline *line;
    struct call *next; /* of the same line */
    enum kind kind;
    int fd;
    struct end *end; /* or NULL */
    long len;        /* bytes, a thread, or a status */
    char words[TEXT_SIZE], outcome[TEXT_SIZE];
    bool ended;
    bool late; /* an exit that is noted later than it was */
    long result;
    long from, until; /* lines of the trace */
    unsigned long long began_us, took_us;
    long offset;         /* of what it sends in all that its end sends */
    struct call *cause;  /* without which it would not have returned */
    bool part;           /* received the front part of what was sent */
    struct lifeline *to; /* where its bytes go, or its end of file */
    const char *label;   /* of the arrow to there, or NULL */
    bool begun, done;    /* in the picture */
};

/* The trace. */
extern struct call *calls;
extern size_t call_count;
extern struct lifeline lifelines[LIFELINES_MAX];
extern size_t lifeline_count;
extern bool unseen; /* bytes came from somebody whose calls are not */

#define EACH_CALL(c)                                                           \
    struct call *c = calls;                                                    \
    c < calls + call_count;                                                    \
    c++

void read_trace(const char *path);
bool waits(const struct call *call);   /* until somebody else does something */
bool creates(const struct call *call); /* a thread, or a child */

/* How something looks. */
enum look { BLANK, TEXT, NAME, PRINTED, FAILED, LABEL, ARROW, LIFELINE };

/* What is seen in one row of the picture. */
struct row {
    struct lifeline *line;
    char text[ROW_TEXT];
    enum look look;
    struct lifeline *to;
    const char *label;
    long times;               /* that the same was seen */
    char states[COLUMNS_MAX]; /* by column: ' ' none, '|' runs, ':' waits */
};

struct picture {
    const char *title; /* NULL: none, but an SVG has one */
    struct lifeline *columns[COLUMNS_MAX];
    size_t count;
    struct row *rows;
    size_t row_count;
    const char *note; /* what it does not show, or NULL */
};

/* Prints the picture with letters, in so many columns if it can be. */
void print_picture(const struct picture *picture, int width, bool ascii);

/* Prints it as SVG 1.1, as wide as it has to be. */
void print_svg(const struct picture *picture);

#endif
