/* Reads a trace, and finds out what follows from what. */
#include "draw.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

struct call *calls;
size_t call_count;
struct line lines[LINES_MAX];
size_t line_count;
char server_port[8];

bool is(const struct call *call, const char *names)
{
    const char *found = strstr(names, call->name);

    return found && found[strlen(call->name)] == ' ' &&
           (found == names || found[-1] == ' ');
}

bool receives(const struct call *call)
{
    return is(call, "recv recvfrom recvmsg read readv ");
}

bool sends(const struct call *call)
{
    return is(call, "send sendto sendmsg write writev ");
}

bool polls(const struct call *call)
{
    return is(call, "poll select epoll_wait ");
}

bool waits(const struct call *call)
{
    return receives(call) || polls(call) || is(call, "accept accept4 ");
}

bool creates(const struct call *call)
{
    return is(call, "pthread_create fork ");
}

bool is_stdin(const struct call *call)
{
    return receives(call) && call->fd == 0 && call->local[0] == '-';
}

static struct line *line_of(long pid, long thread)
{
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].pid == pid && lines[i].thread == thread)
            return &lines[i];
    if (line_count == LINES_MAX)
        errx(1, "more than %d processes and threads", LINES_MAX);
    struct line *line = &lines[line_count++];
    *line = (struct line){.pid = pid, .thread = thread, .column = -1};
    snprintf(line->name, sizeof(line->name), thread ? "thread %ld" : "child",
             thread);
    return line;
}

static struct call *add_call(struct line *line, long number, long long us)
{
    calls = realloc(calls, (call_count + 1) * sizeof(*calls));
    if (calls == NULL)
        err(1, "realloc");
    calls[call_count] = (struct call){.line = line,
                                      .begin = number,
                                      .begin_us = us,
                                      .local = "-",
                                      .remote = "-",
                                      .text = "",
                                      .got = "",
                                      .error = "-"};
    return &calls[call_count++];
}

/* The last call of a line that has not returned. */
static struct call *open_call(const struct line *line)
{
    for (size_t i = call_count; i-- > 0;)
        if (calls[i].line == line)
            return calls[i].ended ? NULL : &calls[i];
    return NULL;
}

static void read_end(struct call *call, long number, long long us,
                     const char *rest)
{
    char local[ADDRESS], remote[ADDRESS];
    int at = 0;

    if (call == NULL || sscanf(rest, "%ld %23s %63s %63s %n", &call->result,
                               call->error, local, remote, &at) < 4)
        return;
    call->ended = true;
    call->end = number;
    call->end_us = us;
    call->got = strdup(rest + at);
    if (local[0] != '-')
        memcpy(call->local, local, sizeof(local));
    if (remote[0] != '-')
        memcpy(call->remote, remote, sizeof(remote));
}

/* The tests' own: how it waits is no news. */
static bool is_peer(const struct line *line)
{
    return strncmp(line->name, "peer", strlen("peer")) == 0;
}

static struct call *find_exit(long pid)
{
    for (struct call *c = calls; c < calls + call_count; c++)
        if (is(c, "exit ") && c->line->pid == pid)
            return c;
    return NULL;
}

static struct call *add_event(const char *name, struct line *line, long number,
                              long long us)
{
    struct call *event = add_call(line, number, us);

    snprintf(event->name, sizeof(event->name), "%s", name);
    read_end(event, number, us, "0 - - - ");
    event->earliest = number;
    return event;
}

/* Who started a program hears late that it has ended: that may have been any
   time after its last call. */
static void read_status(struct line *line, const char *text, long number,
                        long long us)
{
    char what[8];
    int status;
    struct call *end = find_exit(line->pid);

    if (sscanf(text, "%7s %d", what, &status) != 2)
        return;
    if (end == NULL) {
        end = add_event("exit", line_of(line->pid, 0), number, us);
        end->earliest = 0;
        for (struct call *c = calls; c < end; c++)
            if (c->line->pid == line->pid)
                end->earliest = c->ended ? c->end : c->begin;
    }
    end->is_killed = strcmp(what, "signal") == 0;
    end->len = status;
}

/* Begins, and ends, that are no calls. */
static bool read_event(struct line *line, const char *text, long number,
                       long long us)
{
    long parent;
    static long children;

    if (sscanf(text, "start %31s", line->name) == 1)
        return true;
    if (sscanf(text, "child %ld", &parent) == 1)
        snprintf(line->name, sizeof(line->name), "child %ld", ++children);
    else if (strncmp(text, "exit", 4) == 0 && !find_exit(line->pid))
        add_event("exit", line, number, us);
    else if (strncmp(text, "return", 6) == 0)
        add_event("return", line, number, us);
    else if (strncmp(text, "prints ", 7) == 0)
        add_event("prints", line, number, us)->text = strdup(text + 7);
    else if (strncmp(text, "more", 4) == 0)
        add_event("more", line, number, us);
    else if (strncmp(text, "end ", 4) == 0)
        read_status(line, text + 4, number, us);
    else
        return false;
    return true;
}

static void read_line(const char *text, long number)
{
    long long us;
    long pid, thread;
    int at = 0;

    if (sscanf(text, "%lld %ld %ld %n", &us, &pid, &thread, &at) < 3)
        errx(1, "not a trace: %s", text);
    text += at;
    struct line *line = line_of(pid, thread);
    if (read_event(line, text, number, us))
        return;
    if (text[0] == '(' && !(is_peer(line) && strstr(text, "( poll"))) {
        struct call *call = add_call(line, number, us);
        at = 0;
        if (sscanf(text, "( %19s %d %63s %63s %ld %n", call->name, &call->fd,
                   call->local, call->remote, &call->len, &at) == 5)
            call->text = strdup(text + at);
    } else if (text[0] == ')') {
        read_end(open_call(line), number, us, text + 2);
    }
}

void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    ssize_t n;

    if (file == NULL)
        err(1, "open %s", path);
    for (long number = 0; (n = getline(&text, &size, file)) > 0; number++) {
        text[n - 1] = '\0';
        read_line(text, number);
    }
    free(text);
    fclose(file);
}

/* What follows from what. */

/* A connection that is gone has no other end any more: look it up. */
static void complete_ends(struct call *call)
{
    const struct call *c = call;

    while (call->local[0] != '-' && call->remote[0] == '-' && c-- > calls) {
        long fd = is(c, "accept accept4 ") ? c->result : c->fd;
        if (fd == call->fd && c->line->pid == call->line->pid &&
            strcmp(c->local, call->local) == 0)
            memcpy(call->remote, c->remote, sizeof(call->remote));
    }
}

/* The call is at the other end of this one's connection. */
static bool faces(const struct call *call, const struct call *other)
{
    return call->remote[0] != '-' && strcmp(call->local, other->remote) == 0 &&
           strcmp(call->remote, other->local) == 0;
}

static bool same_end(const struct call *call, const struct call *other)
{
    return strcmp(call->local, other->local) == 0 &&
           strcmp(call->remote, other->remote) == 0;
}

static struct call *past_calls(void)
{
    return calls + call_count;
}

/* What is peeked at is received once more. */
static bool peeks(const struct call *call)
{
    return receives(call) && strcmp(call->text, "MSG_PEEK") == 0;
}

/* How many bytes this end received before the call, in it, and by how much the
   other end's sends went beyond: from which of them is the last byte. Sends
   that are not seen can be at fault for less. */
static void find_sender(struct call *call)
{
    long taken = 0, sent = 0;

    for (struct call *c = calls; c < past_calls(); c++)
        if (receives(c) && c->ended && c->result > 0 && same_end(c, call) &&
            c->end <= call->end && (c == call || !peeks(c)))
            taken += c->result;
    for (struct call *c = calls; c < past_calls() && sent < taken; c++) {
        if (!sends(c) || !faces(c, call) || c->begin > call->end)
            continue;
        sent += c->ended && c->result >= 0 ? c->result : c->len;
        call->cause = c;
    }
    call->part = sent > taken;
    if (sent < taken)
        call->cause = NULL;
    if (sent < taken && !peeks(call))
        call->unseen = taken - sent;
}

/* Nobody uses this end of the connection any more: a server that forks has it
   twice, and so has who called dup. */
static bool is_last_use(const struct call *call)
{
    for (struct call *c = calls; c < past_calls(); c++)
        if (same_end(c, call) &&
            (c->begin > call->begin || (c->line->pid != call->line->pid &&
                                        (!c->ended || c->end > call->begin))))
            return false;
    return true;
}

/* The process had the other end of this one's connection until it ended. */
static bool ends_with(const struct call *exit, const struct call *call)
{
    bool has = false;

    for (struct call *c = calls; c < past_calls(); c++)
        if (c->line->pid == exit->line->pid && faces(c, call))
            has = !is(c, "close ");
    return has;
}

/* What told the other end that no more comes: half-close, close, or exit. */
static struct call *find_last_word(const struct call *call)
{
    struct call *found = NULL;

    for (struct call *c = calls; c < past_calls(); c++) {
        if ((is(c, "exit ") ? c->earliest : c->begin) > call->end)
            continue;
        if (is(c, "shutdown ") && strcmp(c->text, "SHUT_RD") && faces(c, call))
            return c;
        if ((is(c, "close ") && faces(c, call) && is_last_use(c)) ||
            (is(c, "exit ") && ends_with(c, call)))
            found = c;
    }
    return found;
}

static void find_cause(struct call *call)
{
    if (!call->ended)
        return;
    if (is(call, "accept accept4 ") && call->result >= 0) {
        for (struct call *c = calls; c < past_calls(); c++)
            if (is(c, "connect ") && faces(c, call))
                call->cause = c;
    } else if (receives(call) && !is_stdin(call)) {
        if (call->result > 0)
            find_sender(call);
        else if (call->result == 0 || strcmp(call->error, "ECONNRESET") == 0)
            call->cause = find_last_word(call);
    }
}

/* Who takes what arrives at the other end: the next to receive there. */
static struct line *find_receiver(const struct call *call)
{
    struct line *line = NULL;

    for (struct call *c = calls; c < past_calls(); c++) {
        if (!faces(c, call))
            continue;
        line = c->line;
        if (receives(c) && (!c->ended || c->end > call->begin))
            break;
    }
    return line;
}

static struct line *find_listener(const struct call *call)
{
    for (struct call *c = calls; c < past_calls(); c++)
        if (is(c, "accept accept4 ") && c->cause == call)
            return c->line;
    for (struct call *c = calls; c < past_calls(); c++)
        if (is(c, "listen ") && strcmp(c->local, call->text) == 0 &&
            call->ended && call->result == 0)
            return c->line;
    return NULL;
}

/* Bytes lie unread where a connection is closed: that resets it, tcp(7). */
static bool leaves_bytes(const struct call *call)
{
    long sent = 0, taken = 0;

    for (struct call *c = calls; c < past_calls() && c->begin < call->begin;
         c++) {
        if (sends(c) && faces(c, call))
            sent += c->ended && c->result >= 0 ? c->result : 0;
        if (receives(c) && same_end(c, call) && c->result > 0)
            taken += c->result;
    }
    return sent > taken;
}

/* Somebody at the other end waited for more until the trace ended. */
static struct line *find_waiting(const struct call *call)
{
    for (struct call *c = calls; c < past_calls(); c++)
        if (receives(c) && !c->ended && faces(c, call))
            return c->line;
    return NULL;
}

/* An end of file, or a reset, goes to who got it, or would have. */
static void find_end_arrow(struct call *call)
{
    bool resets = is(call, "close ") && leaves_bytes(call);
    struct line *to = NULL;

    if (is(call, "shutdown ") || (is(call, "close ") && is_last_use(call)))
        to = find_waiting(call);
    for (struct call *c = past_calls(); c-- > calls;) /* the first counts */
        if (receives(c) && c->cause == call) {
            to = c->line;
            resets = c->result == -1;
        }
    if (to)
        call->label = resets ? "reset" : "end of file";
    call->to = to;
}

static struct line *find_created(const struct call *call)
{
    bool forks = is(call, "fork ");

    for (size_t i = 0; i < line_count && call->result >= 0; i++)
        if (forks ? lines[i].pid == call->result && !lines[i].thread
                  : lines[i].pid == call->line->pid &&
                        lines[i].thread == call->len && call->len)
            return &lines[i];
    return NULL;
}

static void find_arrow(struct call *call)
{
    if (is_stdin(call))
        return;
    if (sends(call) && !(call->ended && call->result == -1))
        call->to = find_receiver(call);
    else if (is(call, "connect "))
        call->to = find_listener(call);
    else if (is(call, "close shutdown exit "))
        find_end_arrow(call);
    else if (creates(call) && (call->to = find_created(call)))
        call->to->creator = call;
}

/* A poll returns for the sake of the call behind it. */
static void find_poll_cause(struct line *line, size_t i)
{
    struct call *call = line->calls[i];

    for (i++; polls(call) && call->result > 0 && i < line->count; i++)
        if (waits(line->calls[i]) && !polls(line->calls[i])) {
            call->cause = line->calls[i]->cause;
            return;
        }
}

void connect_calls(void)
{
    for (struct call *c = calls; c < past_calls(); c++)
        complete_ends(c);
    for (struct call *c = calls; c < past_calls(); c++)
        find_cause(c);
    for (struct call *c = calls; c < past_calls(); c++)
        find_arrow(c);
    for (struct call *c = calls; c < past_calls(); c++) {
        struct line *line = c->line;
        line->calls =
            realloc(line->calls, (line->count + 1) * sizeof(*line->calls));
        if (line->calls == NULL)
            err(1, "realloc");
        line->calls[line->count++] = c;
        if (is(c, "listen ")) {
            line_of(line->pid, 0)->listens = true;
            const char *colon = strrchr(c->local, ':');
            if (colon && server_port[0] == '\0')
                snprintf(server_port, sizeof(server_port), "%s", colon + 1);
        }
    }
    for (size_t i = 0; i < line_count; i++)
        for (size_t k = 0; k < lines[i].count; k++)
            find_poll_cause(&lines[i], k);
}

long count_unseen(void)
{
    long count = 0;

    for (struct call *c = calls; c < past_calls(); c++) {
        bool is_most = c->unseen > 0;
        for (struct call *other = calls; other < past_calls(); other++)
            if (same_end(c, other) &&
                (other->unseen > c->unseen ||
                 (other->unseen == c->unseen && other > c)))
                is_most = false;
        if (is_most)
            count += c->unseen;
    }
    return count;
}
