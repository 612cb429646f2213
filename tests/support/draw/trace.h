/*
 * A trace: who has called what, and what follows from what. trace.c reads it,
 * and follow.c finds out the rest.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

enum {
    DESCRIPTORS_MAX = 1024, /* what has a higher one is drawn without arrows */
    TEXT_SIZE = 400,
    ADDRESS = 64
};

/* What a call does, whatever its name. The last three are no calls, but are
   treated as calls of no length: RETURN ends a thread, after MORE there is
   more, which the trace does not have. */
enum kind {
    OTHER,
    LISTEN,
    ACCEPT,
    CONNECT,
    SEND,
    RECEIVE,
    POLL,
    SHUTDOWN,
    CLOSE,
    CREATE,
    RETURN,
    EXIT,
    MORE
};

/* A lifeline: a process, or one more thread of it. */
struct lifeline {
    struct lifeline *next;
    struct lifeline *right;   /* the next one from left to right */
    struct lifeline *process; /* which has what its threads share */
    struct lifeline *root;    /* that of its creator, or itself */
    long pid, thread;         /* thread 0 is the one that a process has first */
    char name[32];
    bool listens;               /* a server, and so on the left */
    struct call *creator;       /* of a thread, or a child */
    struct call *exit;          /* of a process */
    struct call *first, **tail; /* of its calls that are not drawn yet */
    char state;                 /* ' ' not started, '|' runs, ':' waits */
    bool gone;
    bool is_drawn; /* does more than to read stdin and fork, as a shell does */
    int column;    /* -1: not drawn */
    struct end *ends[DESCRIPTORS_MAX]; /* of a process, by descriptor */
};

/* One end of a connection, as far as the trace has been followed. */
struct end {
    struct end *next, *peer;
    char own[ADDRESS], other[ADDRESS]; /* "-" where it is not connected */
    struct lifeline *user;             /* the last that has used it */
    int holders;                       /* descriptors, of all processes */
    struct call *closer; /* who tells the peer that no more comes, or NULL */
    long sent, taken;    /* bytes */
};

/* A call, from the time that it began until it returned. */
struct call {
    struct call *next;       /* of the same line */
    struct call *later;      /* of any line */
    struct call *then_ended; /* of any line, in the order of their ends */
    struct lifeline *line;
    enum kind kind;
    int fd;
    struct end *end; /* or NULL */
    long len;        /* bytes, a thread (0: a child), or a status */
    char words[TEXT_SIZE], outcome[TEXT_SIZE];
    bool ended;
    bool late; /* a death that is noted later than it was */
    long result;
    long from, until; /* places in the trace: twice the line */
    unsigned long long began_us, took_us;
    long offset;         /* of what it sends in all that its end sends */
    struct call *cause;  /* without which it would not have returned */
    bool part;           /* received the front part of what was sent */
    struct lifeline *to; /* where its bytes go, or its end of file */
    const char *label;   /* of the arrow to there, or NULL */
    bool begun;          /* in the picture */
};

extern struct call *calls, *ended_calls;
extern struct lifeline *lifelines;

/* trace.c */

void read_trace(const char *path);

bool waits(const struct call *call); /* until somebody else does something */

struct lifeline *lifeline_of(long pid, long thread);
struct call *exit_of(struct lifeline *process); /* a late one, if it has none */

/* follow.c */

extern bool unseen; /* not all that was sent or received is in the trace */

void follow_trace(void);

#endif
