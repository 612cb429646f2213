/*
 * A trace, and the picture that is made of it.
 */
#ifndef DRAW_H
#define DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LINES_MAX = 4096, COLUMNS_MAX = 64, ADDRESS = 64, ROW_TEXT = 160 };

/* A lifeline: a process, or one more thread of it. */
struct line {
    long pid, thread; /* thread 0 is the one that a process begins with */
    char name[32];
    long start;           /* the line of the trace; -1 when it has none */
    bool listens;         /* a server, and so on the left */
    struct call *creator; /* of a thread */
    struct call **calls;  /* in order */
    size_t count;
    size_t next; /* while the calls are put into order: the first not done */
    bool started;
    int column;
};

/* A call, from the time that it began until it returned. */
struct call {
    struct line *line;
    char name[20];
    int fd;
    char local[ADDRESS], remote[ADDRESS]; /* of its connection, "-": none */
    long len;                             /* bytes to move, a backlog ... */
    char *text;                           /* what begins, in words */
    char *got;                            /* what came of it */
    bool ended;
    long result;
    char error[24];
    long begin, end; /* lines of the trace */
    long long begin_us, end_us;
    struct call *cause; /* without which it would not have returned */
    bool part;          /* received the front part of what was sent */
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
    bool failed;
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

/* The call's name is among these, each with a space behind it. */
bool is(const struct call *call, const char *names);
bool receives(const struct call *call);
bool sends(const struct call *call);
bool polls(const struct call *call);
bool waits(const struct call *call); /* until somebody else does something */
bool is_stdin(const struct call *call);

/* Prints the picture in `width` columns, with colours on a terminal. */
void print_picture(struct line *const *columns, size_t count,
                   const struct row *rows, size_t row_count, int width,
                   bool ascii);

/* Writes it as SVG. */
void write_svg(FILE *out, const char *title, struct line *const *columns,
               size_t count, const struct row *rows, size_t row_count);

#endif
