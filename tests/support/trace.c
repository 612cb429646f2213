/* Reads a trace, and finds out what follows from what. */
#include "draw.h"

#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct call *calls;
size_t call_count;
struct lifeline lifelines[LIFELINES_MAX];
size_t lifeline_count;
bool unseen;

static struct call **noted; /* by line of the trace: what begins or ends */
static size_t noted_count;
static struct end *connection_ends;
static size_t end_count;

static enum kind kind_of(const char *name)
{
    static const char *const names[] = {
        [LISTEN] = " listen ",
        [ACCEPT] = " accept accept4 ",
        [CONNECT] = " connect ",
        [SEND] = " send sendto sendmsg write writev ",
        [RECEIVE] = " recv recvfrom recvmsg read readv ",
        [POLL] = " poll select epoll_wait ",
        [SHUTDOWN] = " shutdown ",
        [CLOSE] = " close ",
        [THREAD] = " pthread_create ",
        [FORK] = " fork ",
        [PRINT] = " prints ",
        [RETURN] = " return ",
        [EXIT] = " exit ",
        [MORE] = " more ",
    };
    char word[24];

    snprintf(word, sizeof(word), " %s ", name);
    for (enum kind kind = LISTEN; kind <= MORE; kind++)
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

static struct lifeline *lifeline_of(long pid, long thread)
{
    struct lifeline *line = lifelines;

    for (; line < lifelines + lifeline_count; line++)
        if (line->pid == pid && line->thread == thread)
            return line;
    if (lifeline_count == LIFELINES_MAX)
        errx(1, "more than %d processes and threads", LIFELINES_MAX);
    lifeline_count++;
    *line = (struct lifeline){.pid = pid, .thread = thread, .column = -1};
    snprintf(line->name, sizeof(line->name), thread ? "thread %ld" : "child",
             thread);
    return line;
}

/* The two ends of a connection are side by side. */
static struct end *end_of(const char *own, const char *other)
{
    for (size_t i = 0; i < end_count; i++)
        if (strcmp(connection_ends[i].own, own) == 0 &&
            strcmp(connection_ends[i].other, other) == 0)
            return &connection_ends[i];
    struct end *end = &connection_ends[end_count];
    end_count += 2;
    end[0].peer = &end[1];
    end[1].peer = &end[0];
    for (int i = 0; i < 2; i++) {
        snprintf(end[i].own, ADDRESS, "%s", i ? other : own);
        snprintf(end[i].other, ADDRESS, "%s", i ? own : other);
    }
    return end;
}

/* The end that a call is on. When the other one is gone, the system has no
   address for it any more; an earlier call had. */
static struct end *find_end(const struct call *call, const char *own,
                            const char *other)
{
    for (size_t i = call_count; other[0] == '-' && i-- > 0;)
        if (calls[i].line->pid == call->line->pid && calls[i].fd == call->fd &&
            calls[i].end && strcmp(calls[i].end->own, own) == 0)
            return calls[i].kind == CLOSE ? end_of(own, other) : calls[i].end;
    return own[0] == '-' ? NULL : end_of(own, other);
}

/* Reading. */

static struct call *add_call(const struct call *call)
{
    struct lifeline *line = call->line;
    struct call *added = &calls[call_count++];

    *added = *call;
    noted[call->from] = added;
    *(line->last ? &line->last->next : &line->first) = added;
    line->last = added;
    return added;
}

static struct call *add_event(struct call *call, enum kind kind,
                              const char *words)
{
    call->kind = kind;
    call->ended = true;
    call->until = call->from;
    snprintf(call->words, TEXT_SIZE, "%s", words);
    return add_call(call);
}

static void read_begin(struct call *call, const char *text)
{
    char name[20], own[ADDRESS], other[ADDRESS];
    int at = 0;

    if (sscanf(text, "%19s %d %63s %63s %ld %n", name, &call->fd, own, other,
               &call->len, &at) < 5)
        return;
    call->kind = kind_of(name);
    if (call->kind == RECEIVE && call->fd == 0 && own[0] == '-')
        call->kind = STDIN;
    call->end = find_end(call, own, other);
    text += at;
    if (call->kind == STDIN)
        snprintf(call->words, TEXT_SIZE, "%s(stdin)", name);
    else if (call->fd < 0)
        snprintf(call->words, TEXT_SIZE, "%s(%s)", name, text);
    else
        snprintf(call->words, TEXT_SIZE, "%s(%d%s%s)", name, call->fd,
                 text[0] ? ", " : "", text);
    add_call(call);
}

/* The last call of its line that has not returned does so now. */
static void read_end(const struct call *returned, const char *text)
{
    struct call *call = NULL;
    char own[ADDRESS], other[ADDRESS];
    int at = 0;

    for (struct call *c = returned->line->first; c; c = c->next)
        if (!c->ended)
            call = c;
    if (call == NULL ||
        sscanf(text, "%ld %63s %63s %n", &call->result, own, other, &at) < 3)
        return;
    call->ended = true;
    call->until = returned->from;
    call->took_us = returned->began_us - call->began_us;
    noted[call->until] = call;
    snprintf(call->outcome, TEXT_SIZE, "%s", text + at);
    if (call->kind == SEND && call->result >= 0 && call->result < call->len)
        snprintf(call->outcome, TEXT_SIZE, "%ld (short)", call->result);
    if (call->kind == ACCEPT && call->result != -1)
        call->fd = (int)call->result;
    if (own[0] != '-')
        call->end = find_end(call, own, other);
}

static struct call *find_exit(long pid)
{
    for (EACH_CALL(c))
        if (c->kind == EXIT && c->line->pid == pid)
            return c;
    return NULL;
}

static const char *signal_name(int number)
{
    return number == SIGPIPE   ? "SIGPIPE"
           : number == SIGSEGV ? "SIGSEGV"
           : number == SIGABRT ? "SIGABRT"
           : number == SIGKILL ? "SIGKILL"
           : number == SIGTERM ? "SIGTERM"
           : number == SIGINT  ? "SIGINT"
                               : "a signal";
}

/* Who started a program tells, perhaps late, how it ended. */
static void read_status(struct call *call, const char *text)
{
    struct call *exit = find_exit(call->line->pid);
    char how[8];
    int status;

    if (sscanf(text, "%7s %d", how, &status) != 2)
        return;
    /* In which thread it was is not told: the last that did not wait. */
    for (EACH_CALL(c))
        if (c->line->pid == call->line->pid && (c->ended || !waits(c)))
            call->line = c->line;
    if (exit == NULL) {
        exit = add_event(call, EXIT, "");
        exit->late = true;
    }
    exit->len = status;
    if (strcmp(how, "signal") == 0)
        snprintf(exit->words, TEXT_SIZE, "killed by %s", signal_name(status));
    else
        snprintf(exit->words, TEXT_SIZE, "ends: exit %d", status);
}

/* Returns whether there is more: what follows `over` is the player's doing. */
static bool read_line(const char *text, long number)
{
    static long children;
    char word[8];
    long pid, thread;
    int at = 0;
    struct call call = {.from = number};

    if (sscanf(text, "%llu %ld %ld %7s %n", &call.began_us, &pid, &thread, word,
               &at) < 4)
        errx(1, "not a trace: %s", text);
    struct lifeline *line = call.line = lifeline_of(pid, thread);
    enum kind kind = kind_of(word);
    if (word[0] == '(')
        read_begin(&call, text + at);
    else if (word[0] == ')')
        read_end(&call, text + at);
    else if (strcmp(word, "start") == 0)
        sscanf(text + at, "%31s", line->name);
    else if (strcmp(word, "child") == 0)
        snprintf(line->name, sizeof(line->name), "child %ld", ++children);
    else if (strcmp(word, "end") == 0)
        read_status(&call, text + at);
    else if (kind == EXIT && !find_exit(pid))
        add_event(&call, kind, "ends");
    else if (kind == PRINT)
        add_event(&call, kind, strstr(text, word));
    else if (kind == RETURN || kind == MORE)
        add_event(&call, kind, "(more is not drawn)");
    return strcmp(word, "over") != 0;
}

/* What follows from what: the trace is followed from line to line. Where a call
   begins it has an effect, and where it returns it has a cause. */

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

/* Whether a process has an end open, before a line of the trace: by its own
   calls, or because its parent had when it was born. */
static bool holds(long pid, const struct end *end, long before)
{
    bool open = false;

    for (EACH_CALL(c)) {
        long since = c->kind == ACCEPT ? c->until : c->from;
        if (since >= before)
            continue;
        if (c->kind == FORK && c->result == pid)
            open = holds(c->line->pid, end, c->from);
        else if (c->line->pid == pid && c->kind == EXIT)
            open = false;
        else if (c->line->pid == pid && c->end == end)
            open = c->kind != CLOSE;
    }
    return open;
}

static bool is_open(const struct end *end, long before)
{
    for (size_t i = 0; i < lifeline_count; i++)
        if (lifelines[i].thread == 0 && holds(lifelines[i].pid, end, before))
            return true;
    return false;
}

/* The peer hears of the last close alone, and of an earlier half-close. */
static void use_end(struct end *end, struct call *call)
{
    bool closes = call->kind == CLOSE || call->kind == EXIT;
    bool tells = closes || (call->kind == SHUTDOWN &&
                            strstr(call->words, "SHUT_RD)") == NULL);

    if (closes && (!holds(call->line->pid, end, call->from) ||
                   is_open(end, call->from + 1)))
        return;
    if (!closes)
        end->user = call->line;
    if (end->closer == NULL || end->closer->kind != SHUTDOWN)
        end->closer = tells ? call : NULL;
}

/* Who is killed tells it, too; that is noted late. */
static struct call *closer_of(const struct end *end, long before)
{
    struct call *late = NULL;

    for (EACH_CALL(c))
        if (c->late && !end->closer && holds(c->line->pid, end, before))
            late = c;
    return late ? late : end->closer;
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
    struct call *listen = find_listen(port_of(peer->own), call);

    call->cause = closer_of(peer, call->until);
    if (!peer->user && listen) /* who is never accepted hears it from there */
        call->cause = closer_of(listen->end, call->until);
    if (call->cause && !call->cause->to) {
        call->cause->to = call->line;
        call->cause->label = call->result == -1 ? "reset" : "end of file";
    }
}

static void follow_begin(struct call *call)
{
    struct end *end = call->end;
    struct call *listen;

    if (end && call->kind != ACCEPT)
        use_end(end, call);
    for (size_t i = 0; i < end_count && call->kind == EXIT; i++)
        use_end(&connection_ends[i], call);
    if (call->kind == SEND && end) {
        bool gone = end->peer->user && !is_open(end->peer, call->from);
        if (call->ended)
            call->len = call->result;
        if (gone || call->len < 0)
            call->len = 0; /* nothing arrives */
        call->offset = end->sent;
        end->sent += call->len;
    } else if (call->kind == LISTEN) {
        lifeline_of(call->line->pid, 0)->listens = true;
    } else if (call->kind == CONNECT && call->result != -1) {
        listen = find_listen(port_of(call->words), call);
        call->to = listen ? listen->line : NULL;
    } else if (creates(call) && call->result != -1) {
        call->to = call->kind == FORK ? lifeline_of(call->result, 0)
                                      : lifeline_of(call->line->pid, call->len);
        call->to->creator = call;
    }
}

static void accept_from(struct call *call)
{
    use_end(call->end, call);
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

void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, count = 1;
    int c;

    if (file == NULL)
        err(1, "open %s", path);
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    rewind(file);
    calls = calloc(count, sizeof(*calls));
    noted = calloc(count, sizeof(*noted));
    connection_ends = calloc(2 * count, sizeof(*connection_ends));
    if (calls == NULL || noted == NULL || connection_ends == NULL)
        err(1, "calloc");
    while (getline(&text, &size, file) > 0) {
        text[strcspn(text, "\n")] = '\0';
        if (!read_line(text, (long)noted_count++))
            break;
    }
    free(text);
    fclose(file);

    for (size_t i = 0; i < noted_count; i++) {
        if (noted[i] && noted[i]->from == (long)i)
            follow_begin(noted[i]);
        if (noted[i] && noted[i]->ended && noted[i]->until == (long)i)
            follow_end(noted[i]);
    }
    for (EACH_CALL(call))
        follow_rest(call);
}
