/*
 * Plays transcripts with real programs, and finds where they differ.
 *
 *     play [-d DIR] [-r WORDS] FILE...    check; silent when all is as written
 *     play -s [-f] [-d DIR] FILE...       show it live; -f is faster
 *     play -n [-f] FILE...                show it as written, run nothing
 *
 * script.h has the language. FILE is a handout, or - for stdin. -d is where
 * `server` and `client` are. -r names what to read again after a failure.
 * Exit status: 0, 1 when a program did something else, 2 for wrong usage.
 *
 * The stage directions, in brackets on a line of their own:
 *     (NAME exits STATUS)      (NAME exits STATUS within N seconds)
 *     (NAME ends by itself)    not of a signal
 *     (NAME ends)              (NAME idles)             uses no processor
 *     (NAME gets SIGTERM)      (NAME gets SIGINT)
 *     (NAME is stopped)        (NAME continues)
 *     (NAME is not heard any more)         its stdout is closed
 *     (NAME runs out of descriptors)       (NAME has descriptors again)
 */
#ifdef __linux__
#define _GNU_SOURCE /* prlimit */
#endif
#include "actor.h"
#include "report.h"
#include "script.h"
#include "stage.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DEADLINE_MS = 8000, /* for one line; nothing right takes a tenth of it */
    GRACE_MS = 300,     /* the same, when a step is missing */
    IDLE_MS = 150,
    IDLE_CPU_MS = 40,
    WORDS_MAX = 32,
};

static const char *programs = "."; /* where server and client are */
static char *support;              /* where the kit's own tools are */

static void on_interrupt(int signal_number)
{
    kill_actors();
    _exit(128 + signal_number);
}

/* A program to start: what stands behind "$". */
struct command {
    char *words[WORDS_MAX + 1];
    char *in_file, *out_file; /* < FILE, > FILE */
    bool merged;              /* >&2 */
};

/* Cuts text at its spaces; '...' holds a word together. */
static struct command split(char *text)
{
    struct command command = {0};
    size_t n = 0;
    char **next = NULL; /* where the word behind < or > goes */

    while (*(text += strspn(text, " "))) {
        char *word = text;
        char end = ' ';
        if (*text == '\'') {
            end = '\'';
            word++;
        }
        text = word + strcspn(word, (char[]){end, '\0'});
        if (*text)
            *text++ = '\0';

        if (strcmp(word, ">&2") == 0) {
            command.merged = true;
        } else if (strcmp(word, "<") == 0) {
            next = &command.in_file;
        } else if (strcmp(word, ">") == 0) {
            next = &command.out_file;
        } else if (next) {
            *next = word;
            next = NULL;
        } else if (n < WORDS_MAX) {
            command.words[n++] = word;
        }
    }
    return command;
}

static bool is_peer(const char *name)
{
    return strncmp(name, "peer", strlen("peer")) == 0;
}

static void start(const struct line *line)
{
    char *shown = expand(line->text, "0");
    char *text = expand(line->text, "0");
    struct command command = split(text);
    char name[32], path[4096];

    if (command.words[0] == NULL)
        errx(2, "no program in: %s", line->shown);
    const char *slash = strrchr(command.words[0], '/');
    const char *base = slash ? slash + 1 : command.words[0];
    snprintf(path, sizeof(path), "%s/%s", is_peer(base) ? support : programs,
             base);
    if (access(path, X_OK) == -1)
        err(2, "%s", path);
    snprintf(name, sizeof(name), "%s", base);
    for (int n = 2; find_actor(name); n++)
        snprintf(name, sizeof(name), "%s%d", base, n);
    command.words[0] = path;
    stage_show(name, STARTS, shown);
    start_actor(name, command.words, command.in_file, command.out_file,
                command.merged);
    free(shown);
    free(text);
}

static struct actor *actor_of(const char *name, const struct line *line)
{
    struct actor *actor = find_actor(name);

    if (actor == NULL)
        errx(2, "nobody is called '%s' in: %s", name, line->shown);
    return actor;
}

/* Waits until something happens. Returns false at the deadline; that comes soon
   when a program has met a step that is still to be done. */
static bool wait_more(long long *deadline)
{
    long long soon = now_ms() + GRACE_MS;

    if (missing_step() && *deadline > soon)
        *deadline = soon;
    return wait_for_actors(*deadline);
}

/* Returns the next line of a stream, or NULL after the deadline or at its
   end, when there will be none any more. */
static char *wait_for_line(struct stream *stream)
{
    long long deadline = now_ms() + DEADLINE_MS;
    char *line;

    while ((line = next_line(stream)) == NULL)
        if (stream->fd == -1 || !wait_more(&deadline))
            return next_line(stream);
    return line;
}

static void hear(struct actor *actor, const struct line *line)
{
    size_t at;

    if (strcmp(line->text, "...") == 0) {
        actor->unjudged = true;
        return;
    }
    char *got = wait_for_line(&actor->out);
    if (got == NULL)
        report_silence(actor, line);
    /* A socket that takes IPv4 and IPv6 shows IPv4 addresses like this. */
    char *mapped = strstr(got, "::ffff:");
    if (mapped && mapped[7])
        memmove(mapped, mapped + 7, strlen(mapped + 7) + 1);
    if (!matches(line->text, got, &at))
        report_difference(actor, line, got, at);
    stage_show(actor->name, PRINTS, got);
    free(got);
}

/* A question has no newline: the answer is typed on its line. */
static void hear_question(struct actor *actor, const struct line *line)
{
    long long deadline = now_ms() + DEADLINE_MS;

    while (!next_is(&actor->out, line->text))
        if (actor->out.fd == -1 || !wait_more(&deadline))
            report_silence(actor, line);
    stage_show(actor->name, ASKS, line->text);
}

static void hear_error(struct actor *actor, const struct line *line)
{
    size_t at;
    char *got;

    while ((got = wait_for_line(&actor->err)) != NULL) {
        bool found = matches(line->text, got, &at);
        stage_show(actor->name, COMPLAINS, got);
        free(got);
        if (found)
            return;
    }
    report_silence(actor, line);
}

static void type(struct actor *actor, const struct line *line)
{
    char *text = expand(line->text, NULL);
    size_t len = strlen(text);
    bool ends = len >= 2 && strcmp(text + len - 2, "^D") == 0;

    stage_show(actor->name, TYPES, text);
    /* In one write, newline and all, as a terminal hands over a line. */
    text[len] = '\n';
    type_to(actor, text, ends ? len - 2 : len + 1);
    if (ends) {
        close(actor->in);
        actor->in = -1;
    }
    free(text);
    if (!is_peer(actor->name))
        return;
    /* The peer says "ok" when it has done what it was told. */
    char *answer = wait_for_line(&actor->err);
    if (answer == NULL || strcmp(answer, "ok") != 0)
        report_otherwise(line, answer ? answer : "no answer",
                         "The program has closed this connection, or does not "
                         "receive what is sent to it.");
    free(answer);
}

static void wait_for_end(struct actor *actor, const struct line *line, int ms)
{
    long long deadline = now_ms() + ms;

    while (actor->running)
        if (!wait_more(&deadline))
            report_end(actor, line);
}

/* The processor time that a process has used, or -1 where it cannot be told:
   tests/support/check says so. */
static long long cpu_ms(pid_t pid)
{
#if defined(_POSIX_CPUTIME) && _POSIX_CPUTIME >= 0
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
        return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
#endif
    (void)pid;
    return -1;
}

/* Watches a program that has nothing to do: this window is a measurement. */
static void watch_idle(struct actor *actor, const struct line *line)
{
    long long before = cpu_ms(actor->pid);
    long long deadline = now_ms() + IDLE_MS;

    while (wait_for_actors(deadline))
        ;
    long long used = cpu_ms(actor->pid) - before;
    if (before != -1 && used > IDLE_CPU_MS)
        report_otherwise(
            line, "it uses the processor all the time",
            "The program spins: it calls something again and again that does "
            "not wait. After the end of file, recv returns 0 at once, each "
            "time that it is called.");
}

/* Lets a program open nothing more (it has stdin, stdout, stderr and a
   listener), or as much as this one may. Only Linux can change a limit of
   another process, prlimit(2). */
static void limit_descriptors(pid_t pid, bool none)
{
#ifdef __linux__
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (none)
        limit.rlim_cur = 4;
    if (prlimit(pid, RLIMIT_NOFILE, &limit, NULL) == -1)
        err(1, "prlimit");
#else
    (void)pid, (void)none;
    errx(1, "this system cannot take descriptors from a program");
#endif
}

static void direct(const struct line *line)
{
    char name[32], what[64] = "";
    int status, seconds = DEADLINE_MS / 1000;

    if (sscanf(line->text, "%31s %63[^\n]", name, what) != 2)
        errx(2, "no such stage direction: %s", line->shown);
    struct actor *actor = actor_of(name, line);

    if (sscanf(what, "exits %d within %d", &status, &seconds) >= 1) {
        wait_for_end(actor, line, seconds * 1000);
        if (actor->signalled || actor->status != status)
            report_end(actor, line);
    } else if (strcmp(what, "ends by itself") == 0) {
        wait_for_end(actor, line, DEADLINE_MS);
        if (actor->signalled)
            report_end(actor, line);
    } else if (strcmp(what, "ends") == 0) {
        wait_for_end(actor, line, DEADLINE_MS);
    } else if (strcmp(what, "gets SIGTERM") == 0) {
        kill(actor->pid, SIGTERM);
    } else if (strcmp(what, "gets SIGINT") == 0) {
        kill(actor->pid, SIGINT);
    } else if (strcmp(what, "is stopped") == 0) {
        siginfo_t info;
        kill(actor->pid, SIGSTOP);
        waitid(P_PID, (id_t)actor->pid, &info, WSTOPPED | WEXITED | WNOWAIT);
    } else if (strcmp(what, "continues") == 0) {
        kill(actor->pid, SIGCONT);
    } else if (strcmp(what, "is not heard any more") == 0) {
        close(actor->out.fd);
        actor->out.fd = -1;
    } else if (strcmp(what, "runs out of descriptors") == 0) {
        limit_descriptors(actor->pid, true);
    } else if (strcmp(what, "has descriptors again") == 0) {
        limit_descriptors(actor->pid, false);
    } else if (strcmp(what, "idles") == 0) {
        watch_idle(actor, line);
    } else {
        errx(2, "no such stage direction: %s", line->shown);
    }
    stage_show(name, DIRECTION, line->shown);
}

/* Nobody may have said more than the transcript has. */
static void finish(void)
{
    end_actors();
    for (int i = 0; i < actor_count; i++) {
        report_sanitizer(&actors[i]);
        char *more = next_line(&actors[i].out);
        /* How the peer's connection ended is news, but nothing anybody said. */
        while (more && is_peer(actors[i].name) && more[0] == '[') {
            free(more);
            more = next_line(&actors[i].out);
        }
        if (more && !actors[i].unjudged)
            report_more(&actors[i], more);
        free(more);
    }
    kill_actors();
    forget_values();
}

static void play(const struct script *script)
{
    stage_title(script->title);
    for (size_t i = 0; i < script->count; i++) {
        struct line *line = &script->lines[i];
        report_progress(script, i);
        if (line->kind == STARTS)
            line->played = expand(line->shown, "0");
        if (line->kind == STARTS)
            start(line);
        else if (line->kind == DIRECTION)
            direct(line);
        else if (line->kind == TYPES)
            type(actor_of(line->name, line), line);
        else if (line->kind == PRINTS)
            hear(actor_of(line->name, line), line);
        else if (line->kind == ASKS)
            hear_question(actor_of(line->name, line), line);
        else
            hear_error(actor_of(line->name, line), line);
        if (line->played == NULL)
            line->played = expand(line->shown, NULL);
    }
    report_progress(script, script->count);
    finish();
}

/* Shows the transcript as it stands in the handout. */
static void recite(const struct script *script)
{
    stage_title(script->title);
    for (size_t i = 0; i < script->count; i++) {
        const struct line *line = &script->lines[i];
        const char *name = line->name;
        if (line->kind == STARTS)
            name = strstr(line->text, "server") ? "server" : "client";
        else if (line->kind == DIRECTION)
            name = line->text;
        char *text = expand(line->text, script->port);
        stage_show(name, (int)line->kind, text);
        free(text);
    }
}

int main(int argc, char **argv)
{
    bool show = false, run = true;
    int option, pace = 100;

    support = strdup(argv[0]);
    support = dirname(support);
    while ((option = getopt(argc, argv, "d:fnr:s")) != -1) {
        if (option == 'd')
            programs = optarg;
        else if (option == 'f')
            pace = 15;
        else if (option == 'n')
            show = true, run = false;
        else if (option == 'r')
            report_reading(optarg);
        else if (option == 's')
            show = true;
        else
            return 2;
    }
    if (optind == argc)
        errx(2, "usage: play [-sfn] [-d DIR] [-r WORDS] FILE...");

    /* A report ends a program with a status that none has of its own. */
    setenv("ASAN_OPTIONS",
           "exitcode=99:detect_stack_use_after_return=1:"
           "verify_asan_link_order=0", /* for preload.c */
           0);
    setenv("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1", 0);

    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    signal(SIGHUP, on_interrupt);
    atexit(kill_actors);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (show)
        stage_open(pace);
    for (int i = optind; i < argc; i++) {
        struct script *scripts;
        size_t count = load_scripts(argv[i], &scripts);
        if (count == 0)
            errx(2, "%s: no transcript in it", argv[i]);
        for (size_t k = 0; k < count; k++)
            run ? play(&scripts[k]) : recite(&scripts[k]);
    }
    return 0;
}
