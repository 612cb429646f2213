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

bool is_stdin(const struct call *call)
{
    return call->fd == 0 && call->local[0] == '-';
}

static struct line *line_of(long pid, long thread)
{
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].pid == pid && lines[i].thread == thread)
            return &lines[i];
    if (line_count == LINES_MAX)
        errx(1, "more than %d processes and threads", LINES_MAX);
    struct line *line = &lines[line_count++];
    *line =
        (struct line){.pid = pid, .thread = thread, .start = -1, .column = -1};
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

static void read_line(const char *text, long number)
{
    long long us;
    long pid, thread;
    int at = 0;

    if (sscanf(text, "%lld %ld %ld %n", &us, &pid, &thread, &at) < 3)
        errx(1, "not a trace: %s", text);
    text += at;
    struct line *line = line_of(pid, thread);
    if (sscanf(text, "start %31s", line->name) == 1) {
        line->start = number;
    } else if (strncmp(text, "exit", 4) == 0) {
        struct call *call = add_call(line_of(pid, 0), number, us);
        snprintf(call->name, sizeof(call->name), "exit");
        read_end(call, number, us, "0 - - - ");
    } else if (text[0] == '(' && !(is_peer(line) && strstr(text, "( poll"))) {
        struct call *call = add_call(line, number, us);
        at = 0;
        if (sscanf(text, "( %19s %d %63s %63s %ld %n", call->name, &call->fd,
                   call->local, call->remote, &call->len, &at) == 5)
            call->text = strdup(text + at);
    } else if (text[0] == ')') {
        read_end(open_call(line), number, us, text + 2);
    } else if (sscanf(text, "thread %ld", &thread) == 1) {
        line->start = number;
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

/* How many bytes this end received before the call, in it, and by how much the
   other end's sends went beyond: from which of them is the last byte. */
static void find_sender(struct call *call)
{
    long taken = 0, sent = 0;

    for (struct call *c = calls; c < past_calls(); c++)
        if (receives(c) && c->ended && c->result > 0 && same_end(c, call) &&
            c->end <= call->end)
            taken += c->result;
    for (struct call *c = calls; c < past_calls() && sent < taken; c++) {
        if (!sends(c) || !faces(c, call))
            continue;
        sent += c->ended && c->result >= 0 ? c->result : c->len;
        call->cause = c;
    }
    call->part = sent > taken;
}

/* What told the other end that no more comes: half-close, close, or exit. */
static struct call *find_last_word(const struct call *call)
{
    struct call *found = NULL;
    long pid = -1;

    for (struct call *c = calls; c < past_calls(); c++) {
        if (call->ended && c->begin > call->end)
            break;
        if (faces(c, call))
            pid = c->line->pid;
        if (faces(c, call) && is(c, "shutdown ") && strcmp(c->text, "SHUT_RD"))
            return c;
        if ((faces(c, call) && is(c, "close ")) ||
            (is(c, "exit ") && c->line->pid == pid && found == NULL))
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

static void find_arrow(struct call *call)
{
    bool last_word = false;

    if (sends(call) && !(call->ended && call->result == -1))
        call->to = find_receiver(call);
    if (is(call, "connect "))
        call->to = find_listener(call);
    for (struct call *c = calls; c < past_calls() && !is_stdin(call); c++)
        if (receives(c) && c->cause == call && !sends(call)) {
            last_word = true;
            call->to = c->line;
        }
    if (is(call, "close shutdown ") && !last_word) {
        call->to = find_waiting(call);
        last_word = call->to != NULL;
    }
    if (last_word)
        call->label =
            is(call, "close ") && leaves_bytes(call) ? "reset" : "end of file";
}

static void find_creators(void)
{
    for (size_t i = 0; i < line_count; i++) {
        struct line *line = &lines[i];
        long nth = 0;
        for (struct call *c = calls; c < past_calls() && line->thread; c++)
            if (is(c, "pthread_create ") && c->line->pid == line->pid &&
                c->ended && c->result == 0 && ++nth == line->thread) {
                line->creator = c;
                c->to = line;
            }
    }
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
    find_creators();
    for (struct call *c = calls; c < past_calls(); c++) {
        struct line *line = c->line;
        line->calls =
            realloc(line->calls, (line->count + 1) * sizeof(*line->calls));
        if (line->calls == NULL)
            err(1, "realloc");
        line->calls[line->count++] = c;
        if (is(c, "listen ")) {
            line->listens = true;
            const char *colon = strrchr(c->local, ':');
            if (colon && server_port[0] == '\0')
                snprintf(server_port, sizeof(server_port), "%s", colon + 1);
        }
    }
    for (size_t i = 0; i < line_count; i++)
        for (size_t k = 0; k < lines[i].count; k++)
            find_poll_cause(&lines[i], k);
}
