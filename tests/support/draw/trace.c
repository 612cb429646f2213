/* Reads a trace; ../preload/record.c explains its lines. */
#include "trace.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call *calls, *ended_calls;
struct lifeline *lifelines;

static struct call **calls_tail = &calls, **ended_tail = &ended_calls;
static struct end *all_ends;

/* Of the line that is read. */
static long place;
static unsigned long long time_us;

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        err(1, "calloc");
    return memory;
}

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
        [CREATE] = " pthread_create fork ",
        [RETURN] = " return ",
        [EXIT] = " exit ",
        [MORE] = " more ",
    };
    char word[24];

    snprintf(word, sizeof(word), " %s ", name);
    for (enum kind kind = LISTEN; kind <= MORE; kind++)
        if (strstr(names[kind], word))
            return kind;
    return OTHER;
}

bool waits(const struct call *call)
{
    return call->kind == ACCEPT || call->kind == RECEIVE || call->kind == POLL;
}

struct lifeline *lifeline_of(long pid, long thread)
{
    struct lifeline *line, **tail = &lifelines;

    for (; (line = *tail); tail = &line->next)
        if (line->pid == pid && line->thread == thread)
            return line;
    *tail = line = allocate(sizeof(*line));
    *line = (struct lifeline){.pid = pid, .thread = thread, .root = line};
    line->process = thread ? lifeline_of(pid, 0) : line;
    line->tail = &line->first;
    line->state = ' ';
    line->is_drawn = thread != 0;
    line->column = -1;
    snprintf(line->name, sizeof(line->name), thread ? "thread %ld" : "child",
             thread);
    return line;
}

static struct end *end_of(const char *own, const char *other)
{
    struct end *end, **tail = &all_ends;

    for (; (end = *tail); tail = &end->next)
        if (strcmp(end->own, own) == 0 && strcmp(end->other, other) == 0)
            return end;
    *tail = end = allocate(sizeof(*end));
    snprintf(end->own, ADDRESS, "%s", own);
    snprintf(end->other, ADDRESS, "%s", other);
    end->peer = end_of(other, own);
    return end;
}

static void take_addresses(struct call *call, const char *own,
                           const char *other)
{
    if (call->fd < 0 || call->fd >= DESCRIPTORS_MAX)
        call->end = NULL;
    else if (own[0] != '-')
        call->end = end_of(own, other);
}

/* What is no call has no length. */
static struct call *add_call(struct lifeline *line, enum kind kind)
{
    struct call *call = allocate(sizeof(*call));

    *call = (struct call){.line = line, .kind = kind, .began_us = time_us};
    call->from = call->until = place;
    call->ended = kind >= RETURN;
    *line->tail = *calls_tail = call;
    line->tail = &call->next;
    calls_tail = &call->later;
    line->process->listens |= kind == LISTEN;
    if (kind == EXIT)
        line->process->exit = call;
    return call;
}

/* In which thread a process has died is not told: the last that did not
   wait. */
struct call *exit_of(struct lifeline *process)
{
    struct lifeline *line = process;

    if (process->exit)
        return process->exit;
    for (struct call *c = calls; c; c = c->later)
        if (c->line->process == process && (c->ended || !waits(c)))
            line = c->line;
    struct call *exit = add_call(line, EXIT);
    exit->late = true;
    snprintf(exit->words, TEXT_SIZE, "killed");
    return exit;
}

static void read_begin(struct lifeline *line, const char *text)
{
    char name[20], own[ADDRESS], other[ADDRESS], source[16] = "";
    int fd, at = 0;
    long len;

    if (sscanf(text, "%19s %9d %63s %63s %10ld %n", name, &fd, own, other, &len,
               &at) < 5)
        return;
    struct call *call = add_call(line, kind_of(name));
    call->fd = fd;
    call->len = len;
    take_addresses(call, own, other);
    bool is_stdin = call->kind == RECEIVE && fd == 0 && !call->end;
    if (is_stdin)
        snprintf(source, sizeof(source), "stdin");
    else if (fd >= 0)
        snprintf(source, sizeof(source), text[at] ? "%d, " : "%d", fd);
    snprintf(call->words, TEXT_SIZE, "%s(%s%s)", name, source, text + at);
    line->is_drawn |= !is_stdin && (call->kind != CREATE || len != 0);
}

/* The last call of its line that has not returned does so now. */
static void read_end(struct lifeline *line, const char *text)
{
    struct call *call = NULL;
    char own[ADDRESS], other[ADDRESS];
    int at = 0;

    for (struct call *c = line->first; c; c = c->next)
        if (!c->ended)
            call = c;
    if (call == NULL ||
        sscanf(text, "%10ld %63s %63s %n", &call->result, own, other, &at) < 3)
        return;
    call->ended = true;
    *ended_tail = call;
    ended_tail = &call->then_ended;
    call->until = place;
    call->took_us = time_us - call->began_us;
    snprintf(call->outcome, TEXT_SIZE, "%s", text + at);
    if (call->kind == SEND && call->result >= 0 && call->result < call->len)
        snprintf(call->outcome, TEXT_SIZE, "%ld (short)", call->result);
    if (call->kind == ACCEPT && call->result != -1)
        call->fd = (int)call->result;
    take_addresses(call, own, other);
}

/* Who started a program tells, perhaps late, how it ended. */
static void read_status(struct lifeline *line, const char *text)
{
    char how[8];
    int status;

    if (sscanf(text, "%7s %9d", how, &status) != 2)
        return;
    struct call *exit = exit_of(line->process);
    exit->len = status;
    if (strcmp(how, "signal") == 0)
        snprintf(exit->words, TEXT_SIZE, "killed by %s",
                 status == SIGPIPE   ? "SIGPIPE"
                 : status == SIGSEGV ? "SIGSEGV"
                 : status == SIGABRT ? "SIGABRT"
                 : status == SIGKILL ? "SIGKILL"
                 : status == SIGTERM ? "SIGTERM"
                 : status == SIGINT  ? "SIGINT"
                                     : "a signal");
    else
        snprintf(exit->words, TEXT_SIZE, "ends: exit %d", status);
}

/* Returns whether there is more: what follows `over` is the player's doing. */
static bool read_line(char *text)
{
    char word[8];
    long pid, thread;
    int at = 0;

    text[strcspn(text, "\n")] = '\0';
    if (sscanf(text, "%19llu %18ld %18ld %7s %n", &time_us, &pid, &thread, word,
               &at) < 4)
        errx(1, "not a trace: %s", text);
    enum kind kind = kind_of(word);
    struct lifeline *line = lifeline_of(pid, thread);
    text += at;
    if (word[0] == '(')
        read_begin(line, text);
    else if (word[0] == ')')
        read_end(line, text);
    else if (strcmp(word, "start") == 0)
        snprintf(line->name, sizeof(line->name), "%s", text);
    else if (strcmp(word, "stdio") == 0)
        unseen = true;
    else if (strcmp(word, "end") == 0)
        read_status(line, text);
    else if (kind >= RETURN && !(kind == EXIT && line->process->exit))
        snprintf(add_call(line, kind)->words, TEXT_SIZE,
                 kind == EXIT ? "ends" : "(more is not drawn)");
    return strcmp(word, "over") != 0;
}

void read_trace(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL)
        err(1, "open %s", path);
    while (getline(&text, &size, file) > 0 && read_line(text))
        place += 2;
    free(text);
    fclose(file);
    follow_trace();
}
