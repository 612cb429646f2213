/* Reads a trace; ../preload/record.c explains its lines. */
#include "trace.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call *calls;
size_t call_count;
struct lifeline lifelines[LIFELINES_MAX];
size_t lifeline_count;

static struct call **noted; /* by line of the trace: what begins or ends */
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

struct lifeline *lifeline_of(long pid, long thread)
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
static struct end *end_of(int fd, const char *own, const char *other)
{
    if (fd < 0 || fd >= DESCRIPTORS_MAX || own[0] == '-')
        return NULL;
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

/* Reading. */

static struct call *add_call(const struct call *call)
{
    struct lifeline *line = call->line;
    struct call *added = &calls[call_count++];

    *added = *call;
    *(line->last ? &line->last->next : &line->first) = added;
    line->last = added;
    return added;
}

/* What is no call has no length. */
static struct call *add_event(struct lifeline *line, enum kind kind, long place,
                              const char *words)
{
    struct call event = {.line = line, .kind = kind, .ended = true};

    event.from = event.until = place;
    snprintf(event.words, TEXT_SIZE, "%s", words);
    return add_call(&event);
}

/* In which thread a process has died is not told: the last that did not
   wait. */
struct call *add_death(struct lifeline *line, long place)
{
    for (EACH_CALL(c))
        if (c->line->pid == line->pid && (c->ended || !waits(c)))
            line = c->line;
    struct call *exit = add_event(line, EXIT, place, "killed");
    exit->late = true;
    return exit;
}

struct call *find_exit(long pid)
{
    for (EACH_CALL(c))
        if (c->kind == EXIT && c->line->pid == pid)
            return c;
    return NULL;
}

static struct call *read_begin(struct call *call, const char *text)
{
    char name[20], own[ADDRESS], other[ADDRESS];
    int at = 0;

    if (sscanf(text, "%19s %9d %63s %63s %10ld %n", name, &call->fd, own, other,
               &call->len, &at) < 5)
        return NULL;
    call->kind = kind_of(name);
    if (call->kind == RECEIVE && call->fd == 0 && own[0] == '-')
        call->kind = STDIN;
    call->end = end_of(call->fd, own, other);
    text += at;
    if (call->kind == STDIN)
        snprintf(call->words, TEXT_SIZE, "%s(stdin)", name);
    else if (call->fd < 0)
        snprintf(call->words, TEXT_SIZE, "%s(%s)", name, text);
    else
        snprintf(call->words, TEXT_SIZE, "%s(%d%s%s)", name, call->fd,
                 text[0] ? ", " : "", text);
    return add_call(call);
}

/* The last call of its line that has not returned does so now. */
static struct call *read_end(const struct call *returned, const char *text)
{
    struct call *call = NULL;
    char own[ADDRESS], other[ADDRESS];
    int at = 0;

    for (struct call *c = returned->line->first; c; c = c->next)
        if (!c->ended)
            call = c;
    if (call == NULL ||
        sscanf(text, "%10ld %63s %63s %n", &call->result, own, other, &at) < 3)
        return NULL;
    call->ended = true;
    call->until = returned->from;
    call->took_us = returned->began_us - call->began_us;
    snprintf(call->outcome, TEXT_SIZE, "%s", text + at);
    if (call->kind == SEND && call->result >= 0 && call->result < call->len)
        snprintf(call->outcome, TEXT_SIZE, "%ld (short)", call->result);
    if (call->kind == ACCEPT && call->result != -1)
        call->fd = (int)call->result;
    if (own[0] != '-')
        call->end = end_of(call->fd, own, other);
    return call;
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
static struct call *read_status(const struct call *told, const char *text)
{
    struct call *exit = find_exit(told->line->pid);
    char how[8];
    int status;

    if (sscanf(text, "%7s %d", how, &status) != 2)
        return NULL;
    if (exit == NULL)
        exit = add_death(told->line, told->from);
    exit->len = status;
    if (strcmp(how, "signal") == 0)
        snprintf(exit->words, TEXT_SIZE, "killed by %s", signal_name(status));
    else
        snprintf(exit->words, TEXT_SIZE, "ends: exit %d", status);
    return exit;
}

/* Returns whether there is more: what follows `over` is the player's doing. */
static bool read_line(const char *text, long number)
{
    struct call call = {.from = 2 * number, .until = 2 * number};
    struct call **at_line = &noted[number];
    char word[8];
    long pid, thread;
    int at = 0;

    if (sscanf(text, "%llu %ld %ld %7s %n", &call.began_us, &pid, &thread, word,
               &at) < 4)
        errx(1, "not a trace: %s", text);
    enum kind kind = kind_of(word);
    call.line = lifeline_of(pid, thread);
    text += at;
    if (word[0] == '(')
        *at_line = read_begin(&call, text);
    else if (word[0] == ')')
        *at_line = read_end(&call, text);
    else if (strcmp(word, "start") == 0)
        snprintf(call.line->name, sizeof(call.line->name), "%s", text);
    else if (strcmp(word, "end") == 0)
        *at_line = read_status(&call, text);
    else if (kind == EXIT && !find_exit(pid))
        *at_line = add_event(call.line, kind, call.from, "ends");
    else if (kind == RETURN || kind == MORE)
        *at_line = add_event(call.line, kind, call.from, "(more is not drawn)");
    return strcmp(word, "over") != 0;
}

void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, count = 1;
    long number = 0;
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
        if (!read_line(text, number++))
            break;
    }
    free(text);
    fclose(file);

    follow_trace(noted, number);
    free(noted);
}
