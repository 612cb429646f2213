/*
 * A trace, and the picture that is made of it.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LINES_MAX = 4096, COLUMNS_MAX = 64, ADDRESS = 64, ROW_TEXT = 512 };

/* What a call does, whatever its name. STDIN is to read what is typed; from
   PRINT on they are no calls, but are treated as calls of no length: RETURN
   ends a thread, after MORE there is more, which the trace does not have. */
enum kind {
    OTHER,
    SOCKET,
    BIND,
    LISTEN,
    ACCEPT,
    CONNECT,
    SEND,
    RECEIVE,
    STDIN,
    POLL,
    SHUTDOWN,
    CLOSE,
    LOOKUP,
    THREAD,
    FORK,
    PRINT,
    RETURN,
    EXIT,
    MORE
};

/* A lifeline: a process, or one more thread of it. */
struct line {
    long pid, thread; /* thread 0 is the one that a process begins with */
    char name[32];
    bool listens;              /* a server, and so on the left */
    struct call *creator;      /* of a thread, or a child */
    struct call *first, *last; /* of its calls */
    struct call *exit;         /* of the process, if this is its thread 0 */
    struct call *now;          /* the last that is in the picture */
    bool started, gone;
    int column; /* -1: not drawn */
};

/* A call, from the time that it began until it returned. */
struct call {
    struct line *line;
    struct call *next; /* of the same line */
    enum kind kind;
    char name[20];
    int fd;
    char local[ADDRESS], remote[ADDRESS]; /* of its connection, "-": none */
    long len;   /* bytes, a backlog, an exit status, less than 0: a signal */
    char *text; /* what begins, in words */
    char *got;  /* what came of it */
    bool ended;
    long result;
    char error[24];
    long begin, end; /* lines of the trace */
    long long began_us, took_us;
    long earliest;      /* when it may have begun: an exit is noted late */
    struct call *cause; /* without which it would not have returned */
    bool part;          /* received the front part of what was sent */
    long unseen;        /* bytes that nobody is seen to send */
    struct line *to;    /* where its bytes go, or its end of file */
    const char *label;  /* of the arrow to there, or NULL */
    bool begun, done;   /* in the picture */
};

/* How something looks. */
enum look { TEXT, PRINTED, FAILED, ARROW, LIFELINE };

/* What is seen in one row of the picture. */
struct row {
    struct line *line;
    char *text;
    enum look look;
    struct line *to;
    const char *label;
    long times;               /* that the same was seen */
    char states[COLUMNS_MAX]; /* by column: ' ' none, '|' runs, ':' waits */
};

/* The trace, calls.c. */
extern struct call *calls;
extern size_t call_count;
extern struct call **noted; /* by line of the trace: what began or ended */
extern size_t noted_count;
extern struct line lines[LINES_MAX];
extern size_t line_count;
extern char server_port[8]; /* of the first that listens */

#define EACH_CALL(c)                                                           \
    struct call *c = calls;                                                    \
    c < calls + call_count;                                                    \
    c++

void read_trace(const char *path);

/* Finds each call's cause, and where its arrow goes. */
void connect_calls(void);

bool waits(const struct call *call);   /* until somebody else does something */
bool creates(const struct call *call); /* a thread, or a child */

struct picture {
    const char *title;
    struct line *columns[COLUMNS_MAX];
    size_t count;
    struct row *rows;
    size_t row_count;
    char notes[2][80]; /* what it does not show, or nothing */
};

/* Prints the picture in `width` columns, with colours on a terminal. */
void print_picture(const struct picture *picture, int width, bool ascii);

/* Prints it as SVG. */
void write_svg(const struct picture *picture);

#endif
