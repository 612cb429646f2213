/*
 * A trace, and the picture that is made of it.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LINES_MAX = 4096, COLUMNS_MAX = 64, ADDRESS = 64, ROW_TEXT = 512 };

/* A lifeline: a process, or one more thread of it. */
struct line {
    long pid, thread; /* thread 0 is the one that a process begins with */
    char name[32];
    bool listens;         /* a server, and so on the left */
    struct call *creator; /* of a thread, or a child */
    struct call **calls;  /* in order */
    size_t count;
    size_t next; /* while the calls are put into order: the first not done */
    bool started, gone;
    int column; /* -1: not drawn */
};

/* A call, from the time that it began until it returned. What is printed, an
   exit, a thread's return, and where a trace stops are calls of no length. */
struct call {
    struct line *line;
    char name[20];
    int fd;
    char local[ADDRESS], remote[ADDRESS]; /* of its connection, "-": none */
    long len;                             /* bytes, a backlog, a status ... */
    char *text;                           /* what begins, in words */
    char *got;                            /* what came of it */
    bool ended;
    long result;
    char error[24];
    long begin, end; /* lines of the trace */
    long long begin_us, end_us;
    long earliest;      /* of an exit: it may have been noted late */
    bool is_killed;     /* by signal number `len` */
    struct call *cause; /* without which it would not have returned */
    bool part;          /* received the front part of what was sent */
    long unseen;        /* how much more this end has received than is sent */
    struct line *to;    /* where its bytes go, or its end of file */
    const char *label;  /* of the arrow to there, or NULL */
    bool begun, done;   /* while the calls are put into order */
};

/* What is seen in one row of the picture. */
struct row {
    struct line *line;
    char text[ROW_TEXT];
    struct line *to;
    const char *label;
    bool failed, printed;
    long times;               /* that the same was seen */
    char states[COLUMNS_MAX]; /* by column: ' ' none, '|' runs, ':' waits */
};

/* The trace, calls.c. */
extern struct call *calls;
extern size_t call_count;
extern struct line lines[LINES_MAX];
extern size_t line_count;
extern char server_port[8]; /* of the first that listens */

void read_trace(const char *path);

/* Finds each call's cause, and where its arrow goes. */
void connect_calls(void);

/* How many bytes were received that nobody is seen to send. */
long count_unseen(void);

/* The call's name is among these, each with a space behind it. */
bool is(const struct call *call, const char *names);
bool receives(const struct call *call);
bool sends(const struct call *call);
bool polls(const struct call *call);
bool waits(const struct call *call);   /* until somebody else does something */
bool creates(const struct call *call); /* a thread, or a child */
bool is_stdin(const struct call *call);

struct picture {
    const char *title;
    struct line *columns[COLUMNS_MAX];
    size_t count, left_out;
    struct row *rows;
    size_t row_count;
    char notes[2][80]; /* what it does not show, or nothing */
};

/* Prints the picture in `width` columns, with colours on a terminal. */
void print_picture(const struct picture *picture, int width, bool ascii);

/* Writes it as SVG. */
void write_svg(FILE *out, const struct picture *picture);

#endif
