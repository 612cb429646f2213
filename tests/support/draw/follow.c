/*
 * Finds out what follows from what: the trace is followed from line to line.
 * Where a call begins it has an effect, and where it returns it has a cause.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

bool unseen;

/* What threads share belongs to the first of a process. */
static struct lifeline *process_of(const struct call *call)
{
    return lifeline_of(call->line->pid, 0);
}

/* A descriptor is for this end from now on, or for none. The peer hears of the
   last close alone, and of an earlier half-close. */
static void set_end(struct end **descriptor, struct end *end, struct call *call)
{
    struct end *before = *descriptor;

    if (end == before)
        return;
    *descriptor = end;
    if (end)
        end->holders++;
    if (before && --before->holders == 0 &&
        !(before->closer && before->closer->kind == SHUTDOWN))
        before->closer = call;
}

static void close_all(struct call *exit)
{
    struct lifeline *process = process_of(exit);

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        set_end(&process->ends[fd], NULL, exit);
}

static void inherit(struct lifeline *child, const struct lifeline *parent,
                    struct call *fork)
{
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        set_end(&child->ends[fd], parent->ends[fd], fork);
}

/* When the other end is gone, the system has no address for it any more; an
   earlier call had. */
static void use_end(struct call *call)
{
    struct end **descriptor = &process_of(call)->ends[call->fd];
    struct end *before = *descriptor, *end = call->end;

    if (before && end->other[0] == '-' && strcmp(before->own, end->own) == 0)
        call->end = end = before;
    set_end(descriptor, end, call);
    end->user = call->line;
    if (call->kind == SHUTDOWN && !strstr(call->words, "SHUT_RD)"))
        end->closer = call;
    else if (end->closer && end->closer->kind != SHUTDOWN)
        end->closer = NULL; /* a duplicate was closed, which dup(2) made */
}

static bool has_open(const struct lifeline *process, const struct end *end)
{
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        if (process->ends[fd] == end)
            return true;
    return false;
}

static bool lives_after(long pid, long place)
{
    for (EACH_CALL(c))
        if (c->line->pid == pid && c->kind != EXIT && c->until > place)
            return true;
    return false;
}

/* Who has an end open, and has died before a place where that is heard. How a
   program ended is noted late, and of a child perhaps never. */
static struct call *find_death(const struct end *end, long place)
{
    for (size_t i = 0; i < lifeline_count; i++) {
        struct lifeline *line = &lifelines[i];
        struct call *exit = find_exit(line->pid);
        if (has_open(line, end) && !lives_after(line->pid, place) &&
            (exit ? exit->late : line->creator != NULL))
            return exit ? exit : add_death(line, place);
    }
    return NULL;
}

/* What both ends have sent and taken so far tells from which send of the peer
   the last byte is. */
static void receive(struct call *call)
{
    struct end *end = call->end, *peer = end->peer;
    long taken = end->taken + call->result;

    for (EACH_CALL(c)) {
        if (c->kind != SEND || c->end != peer || c->len == 0 ||
            c->from > call->until || c->offset >= taken)
            continue;
        call->cause = c;
        call->part = c->offset + c->len > taken;
        if (c->offset >= end->taken)
            c->to = call->line;
    }
    if (taken > peer->sent) {
        unseen = true;
        peer->sent = taken;
        call->cause = NULL;
    }
    if (strstr(call->words, "MSG_PEEK") == NULL) /* it is received once more */
        end->taken = taken;
}

static long port_of(const char *address)
{
    const char *colon = strrchr(address, ':');

    return colon ? strtol(colon + 1, NULL, 10) : -1;
}

/* Who listens on the port that is called, at whatever address. */
static struct call *find_listen(long port, const struct call *before)
{
    struct call *listen = NULL;

    for (EACH_CALL(c))
        if (c->kind == LISTEN && c->end && c->from < before->from &&
            port_of(c->end->own) == port)
            listen = c;
    return listen;
}

static void hear_the_end(struct call *call)
{
    const struct end *peer = call->end->peer;
    struct call *listen = find_listen(port_of(peer->own), call), *death;
    long place = call->until - 1;

    if (!peer->user && listen) /* who is never accepted hears it from there */
        peer = listen->end;
    while (!peer->closer && (death = find_death(peer, place))) {
        death->from = death->until = place;
        close_all(death);
    }
    call->cause = peer->closer;
    if (call->cause && !call->cause->to) {
        call->cause->to = call->line;
        call->cause->label = call->result == -1 ? "reset" : "end of file";
    }
}

static void follow_begin(struct call *call)
{
    struct call *listen;

    if (call->kind == EXIT)
        close_all(call);
    else if (call->end && call->kind == CLOSE)
        set_end(&process_of(call)->ends[call->fd], NULL, call);
    else if (call->end && call->kind != ACCEPT)
        use_end(call);
    struct end *end = call->end;
    if (call->kind == SEND && end) {
        bool gone = end->peer->user && end->peer->holders == 0;
        if (call->ended)
            call->len = call->result;
        if (gone || call->len < 0)
            call->len = 0; /* nothing arrives */
        call->offset = end->sent;
        end->sent += call->len;
    } else if (call->kind == LISTEN) {
        process_of(call)->listens = true;
    } else if (call->kind == CONNECT && call->result != -1) {
        listen = find_listen(port_of(call->words), call);
        call->to = listen ? listen->line : NULL;
    } else if (creates(call) && call->result != -1) {
        call->to = call->kind == FORK ? lifeline_of(call->result, 0)
                                      : lifeline_of(call->line->pid, call->len);
        call->to->creator = call;
        if (call->kind == FORK)
            inherit(call->to, process_of(call), call);
    }
}

static void accept_from(struct call *call)
{
    use_end(call);
    for (EACH_CALL(c))
        if (c->kind == CONNECT && c->end == call->end->peer) {
            call->cause = c;
            c->to = call->line;
        }
}

static void follow_end(struct call *call)
{
    if (call->end == NULL)
        return;
    if (call->kind == ACCEPT)
        accept_from(call);
    bool receives = call->kind == RECEIVE && call->end->other[0] != '-';
    if (receives && call->result > 0)
        receive(call);
    else if ((receives && strcmp(call->outcome, "0 end of file") == 0) ||
             strstr(call->outcome, "ECONNRESET"))
        hear_the_end(call);
}

/* A poll returns for the sake of the call behind it, and what nobody has
   received went to who has the other end. */
static void follow_rest(struct call *call)
{
    struct call *next = call->next;

    while (next && (!waits(next) || next->kind == POLL))
        next = next->next;
    if (call->kind == POLL && call->result > 0 && next)
        call->cause = next->cause;
    if (call->kind == SEND && call->end && !call->to && call->len > 0)
        call->to = call->end->peer->user;
}

void follow_trace(struct call **noted, long count)
{
    for (long i = 0; i < count; i++) {
        if (noted[i] && noted[i]->from == 2 * i)
            follow_begin(noted[i]);
        if (noted[i] && noted[i]->ended && noted[i]->until == 2 * i)
            follow_end(noted[i]);
    }
    for (EACH_CALL(call))
        follow_rest(call);
}
