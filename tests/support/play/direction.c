#ifdef __linux__
#define _GNU_SOURCE /* prlimit */
#endif
#include "direction.h"

#include "actor.h"
#include "play.h"
#include "report.h"
#include "stage.h"
#include "usage.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    IDLE_MS = 150,
    IDLE_CPU_MS = 40,
    CALM_CPU_MS = 2,
    GROW_MS = 2000,
    PAUSE_MS = 5,
    /* What may come and go, a pool or a cache. Two hundred clients have passed:
       a leak of one for each is far above it. */
    MORE_DESCRIPTORS = 20,
    MORE_TASKS = 20,
    MORE_MB = 400,
    /* A program keeps what is open. What it closes it cannot open again: stdin,
       stdout, stderr and a listener are all. */
    FEW_DESCRIPTORS = 4,
};

static void ends(struct actor *actor, const struct line *line)
{
    int seconds = 0;

    sscanf(line->text, "%*s exits %*d within %d", &seconds);
    long long deadline = now_ms() + (seconds ? seconds * 1000 : patience_ms());
    while (actor->running)
        if (!wait_more(&deadline))
            report_end(actor, line);
}

static void ends_by_itself(struct actor *actor, const struct line *line)
{
    ends(actor, line);
    if (actor->signalled)
        report_end(actor, line);
}

static void exits(struct actor *actor, const struct line *line)
{
    int status = -1;

    ends_by_itself(actor, line);
    sscanf(line->text, "%*s exits %d", &status);
    if (actor->status != status)
        report_end(actor, line);
}

/* Who ends just then may never stop: the sanitizer that looks for leaks has
   stopped it already, and is stopped in its turn. */
static void pause_actor(const struct actor *actor)
{
    long long deadline = now_ms() + GROW_MS;
    siginfo_t info = {0};

    kill(-actor->pid, SIGSTOP);
    while (now_ms() < deadline && info.si_pid == 0 &&
           waitid(P_PID, (id_t)actor->pid, &info,
                  WSTOPPED | WEXITED | WNOWAIT | WNOHANG) == 0)
        wait_for_actors(now_ms() + 1);
}

/* Lets a program have `limit` descriptors, or as many as this one may when it
   is 0. Only Linux can change a limit of another process, prlimit(2). */
static void limit_descriptors(pid_t pid, int limit)
{
#ifdef __linux__
    struct rlimit rlimit;
    getrlimit(RLIMIT_NOFILE, &rlimit);
    if (limit)
        rlimit.rlim_cur = (rlim_t)limit;
    if (prlimit(pid, RLIMIT_NOFILE, &rlimit, NULL) == -1)
        err(1, "prlimit");
#else
    (void)pid, (void)limit;
    errx(1, "this system cannot take descriptors from a program");
#endif
}

static int lines_of(const struct stream *stream)
{
    int lines = 0;

    for (size_t i = 0; i < stream->len; i++)
        lines += stream->bytes[i] == '\n';
    return lines;
}

/* A measurement. Where the processor is short, a program that spins gets little
   of it in one window. */
static void idles(struct actor *actor, const struct line *line)
{
    long long before = cpu_ms(actor->pid), used, all;
    long long start = now_ms();
    int windows = 9, warnings = lines_of(&actor->err);

    do {
        long long now = cpu_ms(actor->pid);
        hear_actors(IDLE_MS);
        used = cpu_ms(actor->pid) - now;
        all = cpu_ms(actor->pid) - before;
    } while (--windows && used > CALM_CPU_MS && all <= IDLE_CPU_MS);
    if (actor->running && before != -1 && all > IDLE_CPU_MS)
        report_otherwise(line, "it uses the processor all the time", spins);
    if (lines_of(&actor->err) > warnings + 1 + (now_ms() - start) / 1000)
        report_otherwise(line, "it writes the same again and again",
                         "Warn at most once a second: wait before the next "
                         "try.");
    char *more = actor->unjudged ? NULL : next_line(&actor->out);
    if (more)
        report_more(actor, more);
}

/* What is being given back just now is waited for. */
static void has_not_grown(struct actor *actor, const struct line *line)
{
    long long deadline = now_ms() + GROW_MS;
    struct usage now;
    char got[160];

    do {
        now = usage_of(actor->pid);
        if (now.descriptors < actor->usage.descriptors + MORE_DESCRIPTORS &&
            now.tasks < actor->usage.tasks + MORE_TASKS &&
            now.mb < actor->usage.mb + MORE_MB)
            return;
    } while (wait_for_actors(now_ms() + PAUSE_MS) || now_ms() < deadline);
    snprintf(got, sizeof(got),
             "%d descriptors more, %d threads and processes more, %ld MB of "
             "address space more",
             now.descriptors - actor->usage.descriptors,
             now.tasks - actor->usage.tasks, now.mb - actor->usage.mb);
    report_otherwise(line, got,
                     "What a client needs is not given back when it is gone. "
                     "Descriptors: close. Threads, and the memory of their "
                     "stacks: detach or join. Processes: wait.");
}

void direct(const struct line *line)
{
    char name[32] = "", words[64] = "";

    sscanf(line->text, "(%31s %63[^)]", name, words);
    struct actor *actor = actor_of(name, line);
    if (strncmp(words, "exits ", strlen("exits ")) == 0)
        exits(actor, line);
    else if (strcmp(words, "ends by itself") == 0)
        ends_by_itself(actor, line);
    else if (strcmp(words, "ends") == 0)
        ends(actor, line);
    else if (strcmp(words, "idles") == 0)
        idles(actor, line);
    else if (strcmp(words, "gets SIGTERM") == 0)
        kill(-actor->pid, SIGTERM); /* as Ctrl-C, to all processes of it */
    else if (strcmp(words, "gets SIGINT") == 0)
        kill(-actor->pid, SIGINT);
    else if (strcmp(words, "is paused") == 0)
        pause_actor(actor);
    else if (strcmp(words, "continues") == 0)
        kill(-actor->pid, SIGCONT);
    else if (strcmp(words, "is not heard any more") == 0)
        close_stream(&actor->out);
    else if (strcmp(words, "runs out of descriptors") == 0)
        limit_descriptors(actor->pid, FEW_DESCRIPTORS);
    else if (strcmp(words, "can open no more") == 0)
        limit_descriptors(actor->pid, usage_of(actor->pid).free_descriptor);
    else if (strcmp(words, "has descriptors again") == 0)
        limit_descriptors(actor->pid, 0);
    else if (strcmp(words, "is measured") == 0)
        actor->usage = usage_of(actor->pid);
    else if (strcmp(words, "has not grown") == 0)
        has_not_grown(actor, line);
    else
        errx(2, "no such stage direction: %s", line->shown);
    stage_show(name, DIRECTION, line->text);
}
