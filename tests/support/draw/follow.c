/*
 * Finds out what follows from what: the trace is followed from line to line.
 * Where a call begins it has an effect, and where it returns it has a cause.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

bool unseen;

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

/* A process has the descriptors of its parent, or none. */
static void set_ends(struct lifeline *process, const struct lifeline *parent,
                     struct call *call)
{
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        set_end(&process->ends[fd], parent ? parent->ends[fd] : NULL, call);
}

/* When the other end is gone, the system has no address for it any more; an
   earlier call had. */
static void use_end(struct call *call)
{
    struct end **descriptor = &call->line->process->ends[call->fd];
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

/* Who has an end open, and has died before a place where that is heard, closes
   it. How a program ended is noted late, and of a child perhaps never. */
static void find_deaths(const struct end *end, long place)
{
    for (struct lifeline *line = lifelines; line; line = line->next) {
        bool has_it = false;
        bool lives = line->exit ? !line->exit->late : !line->creator;
        for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
            has_it |= line->ends[fd] == end;
        for (const struct call *c = calls; c && has_it; c = c->later)
            lives |=
                c->line->process == line && c->kind != EXIT && c->until > place;
        if (has_it && !lives && !end->closer) {
            struct call *death = exit_of(line);
            death->from = death->until = place;
            set_ends(line, NULL, death);
        }
    }
}

/* What both ends have sent and taken so far tells from which send of the peer
   the last byte is. */
static void receive(struct call *call)
{
    struct end *end = call->end, *peer = end->peer;
    long taken = end->taken + call->result;

    for (struct call *c = calls; c; c = c->later) {
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
static struct call *find_listen(const char *address, const struct call *before)
{
    struct call *listen = NULL;

    for (struct call *c = calls; c; c = c->later)
        if (c->kind == LISTEN && c->end && c->from < before->from &&
            port_of(c->end->own) == port_of(address))
            listen = c;
    return listen;
}

static void hear_the_end(struct call *call)
{
    const struct end *peer = call->end->peer;
    struct call *listen = find_listen(peer->own, call);

    if (!peer->user && listen) /* who is never accepted hears it from there */
        peer = listen->end;
    find_deaths(peer, call->until - 1);
    call->cause = peer->closer;
    if (call->cause && !call->cause->to) {
        call->cause->to = call->line;
        call->cause->label = call->result == -1 ? "reset" : "end of file";
    }
}

static void follow_begin(struct call *call)
{
    struct lifeline *process = call->line->process;

    if (call->kind == EXIT)
        set_ends(process, NULL, call);
    else if (call->end && call->kind == CLOSE)
        set_end(&process->ends[call->fd], NULL, call);
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
    } else if (call->kind == CONNECT && call->result != -1) {
        struct call *listen = find_listen(call->words, call);
        call->to = listen ? listen->line : NULL;
    } else if (call->kind == CREATE && call->result != -1) {
        call->to = call->len ? lifeline_of(process->pid, call->len)
                             : lifeline_of(call->result, 0);
        if (!call->to->first || call->to->first->from > call->from) {
            call->to->creator = call; /* and of none who lived before */
            call->to->root = call->line->root;
        }
        if (call->len == 0)
            set_ends(call->to, process, call);
    }
}

static void follow_end(struct call *call)
{
    struct end *end = call->end;
    bool receives = call->kind == RECEIVE && end->other[0] != '-';

    if (call->kind == ACCEPT) {
        use_end(call);
        for (struct call *c = calls; c; c = c->later)
            if (c->kind == CONNECT && c->end == call->end->peer) {
                call->cause = c;
                c->to = call->line;
            }
    }
    if (receives && call->result > 0)
        receive(call);
    else if ((receives && strcmp(call->outcome, "0 end of file") == 0) ||
             strstr(call->outcome, "ECONNRESET"))
        hear_the_end(call);
}

void follow_trace(void)
{
    struct call *begins = calls, *ends = ended_calls;

    while (begins || ends)
        if (begins && (!ends || begins->from < ends->until)) {
            follow_begin(begins);
            begins = begins->later;
        } else {
            if (ends->end)
                follow_end(ends);
            ends = ends->then_ended;
        }
    for (struct call *call = calls; call; call = call->later) {
        struct call *next = call->next;
        while (next && (!waits(next) || next->kind == POLL))
            next = next->next;
        if (call->kind == POLL && call->result > 0 && next)
            call->cause = next->cause; /* it returned for the sake of that */
        if (call->kind == SEND && call->end && !call->to && call->len > 0)
            call->to = call->end->peer->user; /* nobody has received it */
    }
}
