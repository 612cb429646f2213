/*
 * A trace: who has called what, and what follows from what. trace.c reads it,
 * and follow.c finds out the rest.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LIFELINES_MAX = 4096,
    DESCRIPTORS_MAX = 1024, /* what has a higher one is drawn without arrows */
    TEXT_SIZE = 400,
    ADDRESS = 64
};

/* What a call does, whatever its name. STDIN is to read what is typed; the last
   three are no calls, but are treated as calls of no length: RETURN ends a
   thread, after MORE there is more, which the trace does not have. */
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
    int column;                        /* -1: not drawn */
    struct end *ends[DESCRIPTORS_MAX]; /* of a process, by descriptor */
};

/* One end of a connection, as far as the trace has been followed. */
struct end {
    char own[ADDRESS], other[ADDRESS]; /* "-" where it is not connected */
    struct end *peer;
    struct lifeline *user; /* the last that has used it */
    int holders;           /* descriptors, of all processes */
    struct call *closer;   /* who tells the peer that no more comes, or NULL */
    long sent, taken;      /* bytes */
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
    bool late; /* a death that is noted later than it was */
    long result;
    long from, until; /* places in the trace: twice the line */
    unsigned long long began_us, took_us;
    long offset;         /* of what it sends in all that its end sends */
    struct call *cause;  /* without which it would not have returned */
    bool part;           /* received the front part of what was sent */
    struct lifeline *to; /* where its bytes go, or its end of file */
    const char *label;   /* of the arrow to there, or NULL */
    bool begun, done;    /* in the picture */
};

extern struct call *calls;
extern size_t call_count;
extern struct lifeline lifelines[LIFELINES_MAX];
extern size_t lifeline_count;

#define EACH_CALL(c)                                                           \
    struct call *c = calls;                                                    \
    c < calls + call_count;                                                    \
    c++

/* trace.c */

void read_trace(const char *path);

bool waits(const struct call *call);   /* until somebody else does something */
bool creates(const struct call *call); /* a thread, or a child */

struct lifeline *lifeline_of(long pid, long thread);
struct call *find_exit(long pid);
struct call *add_death(struct lifeline *line, long place);

/* follow.c */

extern bool unseen; /* bytes came from somebody whose calls are not */

/* Takes which call begins or ends in each line of the trace, or NULL. */
void follow_trace(struct call **noted, long count);

#endif
