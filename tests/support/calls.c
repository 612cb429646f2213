/* Reads a trace, and finds out what follows from what. */
#include "draw.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

struct call *calls;
size_t call_count;
struct call **noted;
size_t noted_count;
struct line lines[LINES_MAX];
size_t line_count;
char server_port[8];

static enum kind kind_of(const char *name)
{
    static const char *const names[] = {
        [SOCKET] = " socket ",
        [BIND] = " bind ",
        [LISTEN] = " listen ",
        [ACCEPT] = " accept accept4 ",
        [CONNECT] = " connect ",
        [SEND] = " send sendto sendmsg write writev ",
        [RECEIVE] = " recv recvfrom recvmsg read readv ",
        [POLL] = " poll select epoll_wait ",
        [SHUTDOWN] = " shutdown ",
        [CLOSE] = " close ",
        [LOOKUP] = " getaddrinfo ",
        [THREAD] = " pthread_create ",
        [FORK] = " fork ",
        [PRINT] = " prints ",
        [RETURN] = " return ",
        [EXIT] = " exit ",
        [MORE] = " more ",
    };
    char word[24];

    snprintf(word, sizeof(word), " %s ", name);
    for (enum kind kind = SOCKET; kind <= MORE; kind++)
        if (names[kind] && strstr(names[kind], word))
            return kind;
    return OTHER;
}

bool waits(const struct call *call)
{
    return call->kind == ACCEPT || call->kind == RECEIVE ||
           call->kind == STDIN || call->kind == POLL;
}

bool creates(const struct call *call)
{
    return call->kind == THREAD || call->kind == FORK;
}

static struct line *find_line(long pid, long thread)
{
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].pid == pid && lines[i].thread == thread)
            return &lines[i];
    return NULL;
}

static struct line *line_of(long pid, long thread)
{
    struct line *line = find_line(pid, thread);

    if (line)
        return line;
    if (line_count == LINES_MAX)
        errx(1, "more than %d processes and threads", LINES_MAX);
    line = &lines[line_count++];
    *line = (struct line){.pid = pid, .thread = thread, .column = -1};
    snprintf(line->name, sizeof(line->name), thread ? "thread %ld" : "child",
             thread);
    return line;
}

static struct call *add_call(const struct call *call)
{
    struct line *line = call->line;
    struct call *added = &calls[call_count++];

    *added = *call;
    noted[call->begin] = added;
    *(line->last ? &line->last->next : &line->first) = added;
    line->last = added;
    return added;
}

static struct call *add_event(struct call *call, enum kind kind)
{
    call->kind = kind;
    call->ended = true;
    call->end = call->begin;
    call = add_call(call);
    if (kind == EXIT)
        line_of(call->line->pid, 0)->exit = call;
    return call;
}

static void read_begin(struct call *call, const char *text)
{
    int at = 0;

    sscanf(text, "%19s %d %63s %63s %ld %n", call->name, &call->fd, call->local,
           call->remote, &call->len, &at);
    call->kind = kind_of(call->name);
    if (call->kind == RECEIVE && call->fd == 0 && call->local[0] == '-')
        call->kind = STDIN;
    call->text = strdup(text + at);
    /* The tests' own peer: how it waits is no news. */
    if (call->kind != POLL || strncmp(call->line->name, "peer", 4) != 0)
        add_call(call);
}

/* A line's last call has returned, as `end` says. */
static void read_end(const struct call *end, const char *text)
{
    struct call *call = end->line->last;
    char local[ADDRESS], remote[ADDRESS];
    int at = 0;

    if (call == NULL || call->ended ||
        sscanf(text, "%ld %23s %63s %63s %n", &call->result, call->error, local,
               remote, &at) < 4)
        return;
    call->ended = true;
    call->end = end->begin;
    call->took_us = end->began_us - call->began_us;
    call->got = strdup(text + at);
    noted[call->end] = call;
    if (local[0] != '-')
        memcpy(call->local, local, sizeof(local));
    if (remote[0] != '-')
        memcpy(call->remote, remote, sizeof(remote));
}

/* Who started a program hears late that it has ended: that may have been any
   time after its last call. */
static void read_status(struct call *call, const char *text)
{
    struct call *end = line_of(call->line->pid, 0)->exit;
    char how[8];
    int status;

    if (sscanf(text, "%7s %d", how, &status) != 2)
        return;
    if (end == NULL) {
        for (EACH_CALL(c))
            if (c->line->pid == call->line->pid)
                call->earliest = c->ended ? c->end : c->begin;
        end = add_event(call, EXIT);
    }
    end->len = strcmp(how, "signal") == 0 ? -status : status;
}

static void read_line(const char *text, long number)
{
    static long children;
    char word[8];
    long pid, thread;
    int at = 0;
    struct call call = {.begin = number,
                        .earliest = number,
                        .local = "-",
                        .remote = "-",
                        .text = "",
                        .got = "",
                        .error = "-"};

    if (sscanf(text, "%lld %ld %ld %7s%n", &call.began_us, &pid, &thread, word,
               &at) < 4)
        errx(1, "not a trace: %s", text);
    text += at + (text[at] == ' ');
    struct line *line = call.line = line_of(pid, thread);
    enum kind kind = kind_of(word);
    if (word[0] == '(')
        read_begin(&call, text);
    else if (word[0] == ')')
        read_end(&call, text);
    else if (strcmp(word, "start") == 0)
        sscanf(text, "%31s", line->name);
    else if (strcmp(word, "child") == 0)
        snprintf(line->name, sizeof(line->name), "child %ld", ++children);
    else if (strcmp(word, "end") == 0)
        read_status(&call, text);
    else if (kind == PRINT)
        add_event(&call, kind)->text = strdup(text);
    else if (kind == RETURN || kind == MORE ||
             (kind == EXIT && !line_of(pid, 0)->exit))
        add_event(&call, kind);
}

void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, count = 1;
    int c;
    ssize_t n;

    if (file == NULL)
        err(1, "open %s", path);
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    rewind(file);
    calls = calloc(count, sizeof(*calls));
    noted = calloc(count, sizeof(*noted));
    if (calls == NULL || noted == NULL)
        err(1, "calloc");
    while (noted_count < count && (n = getline(&text, &size, file)) > 0) {
        text[n - 1] = '\0';
        if (strstr(text, " 0 over ")) /* what follows is the player's doing */
            break;
        read_line(text, (long)noted_count++);
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
        long fd = c->kind == ACCEPT ? c->result : c->fd;
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

/* What is peeked at is received once more. */
static bool peeks(const struct call *call)
{
    return strcmp(call->text, "MSG_PEEK") == 0;
}

/* How many bytes this end received before the call, in it, and by how much the
   other end's sends went beyond: from which of them is the last byte. Sends
   that are not seen can be at fault for less. */
static void find_sender(struct call *call)
{
    long taken = 0, sent = 0, unseen = 0;

    for (EACH_CALL(c)) {
        if (!same_end(c, call))
            continue;
        unseen += c->unseen;
        if (c->kind == RECEIVE && c->result > 0 && c->end <= call->end &&
            (c == call || !peeks(c)))
            taken += c->result;
    }
    for (EACH_CALL(c)) {
        if (c->kind != SEND || !faces(c, call) || c->begin > call->end ||
            sent >= taken)
            continue;
        sent += c->ended && c->result >= 0 ? c->result : c->len;
        call->cause = c;
    }
    call->part = sent > taken;
    if (sent < taken)
        call->cause = NULL;
    if (taken - sent > unseen && !peeks(call))
        call->unseen = taken - sent - unseen;
}

/* Nobody uses this end of the connection any more: a server that forks has it
   twice, and so has who called dup. */
static bool is_last_use(const struct call *call)
{
    for (EACH_CALL(c))
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

    for (EACH_CALL(c))
        if (c->line->pid == exit->line->pid && faces(c, call))
            has = c->kind != CLOSE;
    return has;
}

/* Tells the other end that no more comes. An exit does so, too, for all that
   its process has. */
static bool is_last_word(const struct call *call)
{
    return (call->kind == SHUTDOWN && strcmp(call->text, "SHUT_RD") != 0) ||
           (call->kind == CLOSE && is_last_use(call));
}

/* A half-close came before the close. */
static struct call *find_last_word(const struct call *call)
{
    struct call *found = NULL;

    for (EACH_CALL(c)) {
        bool tells = c->kind == EXIT ? ends_with(c, call)
                                     : faces(c, call) && is_last_word(c);
        if (tells && c->earliest <= call->end)
            found = c;
        if (found && found->kind == SHUTDOWN)
            break;
    }
    return found;
}

static struct call *find_connect(const struct call *accept)
{
    struct call *found = NULL;

    for (EACH_CALL(c))
        if (c->kind == CONNECT && faces(c, accept))
            found = c;
    return found;
}

/* A poll returns for the sake of the call behind it. */
static struct call *find_ready(const struct call *poll)
{
    for (struct call *c = poll->next; c; c = c->next)
        if (waits(c) && c->kind != POLL)
            return c->cause;
    return NULL;
}

/* Finds out what a call has waited for, which has its arrow to here. */
static void find_cause(struct call *call)
{
    struct call *cause = NULL;

    if (call->kind == RECEIVE && call->result > 0)
        find_sender(call);
    else if (call->kind == POLL && call->result > 0)
        call->cause = find_ready(call);
    else if (call->kind == ACCEPT && call->ended && call->result >= 0)
        cause = find_connect(call);
    else if (call->kind == RECEIVE && call->ended &&
             (call->result == 0 || strcmp(call->error, "ECONNRESET") == 0))
        cause = find_last_word(call);
    if (cause == NULL)
        return;
    call->cause = cause;
    cause->to = call->line;
    if (call->kind == RECEIVE)
        cause->label = call->result == -1 ? "reset" : "end of file";
}

/* Who takes what arrives at the other end: the next to receive there. */
static struct line *find_receiver(const struct call *call)
{
    struct line *line = NULL;

    for (EACH_CALL(c)) {
        if (!faces(c, call))
            continue;
        line = c->line;
        if (c->kind == RECEIVE && (!c->ended || c->end > call->begin))
            break;
    }
    return line;
}

/* Who waited for more at the other end until the trace ended. */
static struct line *find_waiting(const struct call *call)
{
    for (EACH_CALL(c))
        if (c->kind == RECEIVE && !c->ended && faces(c, call))
            return c->line;
    return NULL;
}

static struct line *find_listener(const struct call *call)
{
    for (EACH_CALL(c))
        if (c->kind == LISTEN && strcmp(c->local, call->text) == 0 &&
            call->ended && call->result == 0)
            return c->line;
    return NULL;
}

static struct line *find_created(const struct call *call)
{
    if (call->kind == FORK)
        return find_line(call->result, 0);
    return call->len ? find_line(call->line->pid, call->len) : NULL;
}

/* Where an arrow goes that is no call's cause. */
static void find_arrow(struct call *call)
{
    if (call->to)
        return;
    if (call->kind == SEND && call->result != -1)
        call->to = find_receiver(call);
    else if (call->kind == CONNECT)
        call->to = find_listener(call);
    else if (is_last_word(call) && (call->to = find_waiting(call)))
        call->label = "end of file";
    else if (creates(call) && (call->to = find_created(call)))
        call->to->creator = call;
}

static void note_listener(const struct call *call)
{
    const char *colon = strrchr(call->local, ':');

    if (call->kind != LISTEN)
        return;
    line_of(call->line->pid, 0)->listens = true;
    if (colon && server_port[0] == '\0')
        snprintf(server_port, sizeof(server_port), "%s", colon + 1);
}

void connect_calls(void)
{
    for (EACH_CALL(c)) {
        complete_ends(c);
        note_listener(c);
    }
    for (struct call *c = calls + call_count; c-- > calls;)
        find_cause(c); /* a poll has that of a later call, an arrow its first */
    for (EACH_CALL(c))
        find_arrow(c);
}
