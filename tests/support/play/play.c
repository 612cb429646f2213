/*
 * Plays transcripts with real programs, and finds where they differ.
 *
 *     play [-d DIR] [-r WORDS] FILE...    check; silent when all is as written
 *     play -t FILE [-d DIR] FILE...       the same, and see what is called
 *     play -s [-f] [-d DIR] FILE...       show it live; -f is faster
 *     play -n [-f] FILE...                show it as written, run nothing
 *
 * script.h has the language. FILE is a handout, or - for stdin. -d is where
 * `server` and `client` are. -r names what to read again after a failure.
 * Exit status: 0, 1 when a program did something else, 2 for wrong usage.
 */
#include "play.h"

#include "actor.h"
#include "direction.h"
#include "report.h"
#include "script.h"
#include "stage.h"

#include <err.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GRACE_MS = 300, /* the deadline, when a step is missing */
    PEER_MS = 30000,
    AFTER_MS = 5,
    REPORT_MS = 5000,
    SETTLE_MS = 100, /* so long nothing is called at the end of a trace */
    NEXT_MS = 1000,  /* so long nothing may be called in between */
};

static const char *programs = "."; /* where server and client are */
static char *support;              /* where the kit's own tools are */
static const char *preload = "";   /* preload.so, where that can be */
static FILE *trace;                /* what is called, to read along */

static void on_interrupt(int signal_number)
{
    kill_actors();
    _exit(128 + signal_number);
}

/* Lets a program that is traced come to its next wait: what is typed then is
   later in the trace, too. */
static void let_wait(const struct actor *actor)
{
    static const char waits[] =
        "accept4 connect read recvfrom poll select epoll_wait";
    long long deadline = now_ms() + NEXT_MS;
    char text[1024], call[20];
    long pid;

    while (trace && actor->running && now_ms() < deadline)
        if (fgets(text, sizeof(text), trace) == NULL) {
            clearerr(trace);
            wait_for_actors(now_ms() + 1);
        } else if (sscanf(text, "%*s %ld %*d ( %19s", &pid, call) == 2 &&
                   pid == actor->pid && strstr(waits, call)) {
            return;
        }
}

static void start(const struct line *line)
{
    char *text = expand(line->text, "0");
    const char *arguments = text + strcspn(text, " "), *base = arguments;
    char name[32], path[4096];

    while (base > text && base[-1] != '/')
        base--;
    int len = (int)(arguments - base);
    snprintf(name, sizeof(name), "%.*s", len, base);
    snprintf(path, sizeof(path), "%s/%s", is_peer(name) ? support : programs,
             name);
    if (access(path, X_OK) == -1)
        err(2, "%s", path);
    for (int n = 2; find_actor(name); n++)
        snprintf(name, sizeof(name), "%.*s%d", len, base, n);
    stage_show(name, STARTS, text);
    let_wait(start_actor(name, path, arguments, preload));
    free(text);
}

struct actor *actor_of(const char *name, const struct line *line)
{
    struct actor *actor = find_actor(name);

    if (actor == NULL)
        errx(2, "nobody is called '%s' in: %s", name, line->shown);
    return actor;
}

int patience_ms(void)
{
    const char *text = getenv("PATIENCE_MS");
    int ms = text ? (int)strtol(text, NULL, 10) : 0;

    return ms > 0 ? ms : 8000;
}

bool wait_more(long long *deadline)
{
    long long soon = now_ms() + GRACE_MS;

    if (missing_step() && *deadline > soon)
        *deadline = soon;
    return wait_for_actors(*deadline);
}

/* Returns the next line of a stream, or NULL after so long or at its end, when
   there will be none any more. */
static char *wait_for_line(struct stream *stream, int ms)
{
    long long deadline = now_ms() + ms;
    char *line;

    while ((line = next_line(stream)) == NULL)
        if (stream->fd == -1 || !wait_more(&deadline))
            return next_line(stream);
    /* A socket for IPv4 and IPv6 shows IPv4 addresses as ::ffff:127.0.0.1. */
    char *mapped = strstr(line, "::ffff:");
    if (mapped && mapped[7])
        memmove(mapped, mapped + 7, strlen(mapped + 7) + 1);
    return line;
}

/* Returns the line that `got` belongs to: line i, or of a block of `~` lines
   one that was not heard before. */
static struct line *line_for(const char *got, const struct script *script,
                             size_t i)
{
    struct line *lines = script->lines, *open = NULL;
    const char *name = lines[i].name;
    size_t at;

    if (lines[i].kind != ANY)
        return &lines[i];
    while (i > 0 && lines[i - 1].kind == ANY)
        i--;
    for (; i < script->count && lines[i].kind == ANY; i++) {
        if (lines[i].heard || strcmp(lines[i].name, name) != 0)
            continue;
        if (got && matches(lines[i].text, got, &at))
            return &lines[i];
        if (open == NULL)
            open = &lines[i];
    }
    return open;
}

static void hear(struct actor *actor, const struct script *script, size_t i)
{
    struct line *line = &script->lines[i];
    size_t at;

    if (line->kind == PRINTS && strcmp(line->text, "...") == 0) {
        actor->unjudged = true;
        return;
    }
    do {
        char *got = wait_for_line(&actor->out, patience_ms());
        line = line_for(got, script, i);
        if (got == NULL)
            report_silence(actor, line);
        line->heard = matches(line->text, got, &at);
        if (line->heard)
            stage_show(actor->name, PRINTS, got);
        else if (!actor->unjudged)
            report_difference(actor, line, got, at);
        free(got);
    } while (!line->heard);
}

/* A question has no newline: the answer is typed on its line. */
static void hear_question(struct actor *actor, const struct line *line)
{
    long long deadline = now_ms() + patience_ms();

    while (!next_is(&actor->out, line->text))
        if (actor->out.fd == -1 || !wait_more(&deadline))
            report_silence(actor, line);
    stage_show(actor->name, ASKS, line->text);
}

static void hear_error(struct actor *actor, const struct line *line)
{
    size_t at;
    char *got;

    while ((got = wait_for_line(&actor->err, patience_ms())) != NULL) {
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
    if (trace)
        fseek(trace, 0, SEEK_END);
    /* In one write, newline and all, as a terminal hands over a line. */
    text[len] = '\n';
    type_to(actor, text, ends ? len - 2 : len + 1);
    if (ends) {
        close(actor->in);
        actor->in = -1;
    }
    free(text);
    let_wait(actor);
    if (!is_peer(actor->name))
        return;
    /* The peer says "ok" when it has done what it was told. How long a program
       may take for a byte is its affair, and all may be slow. */
    char *answer = wait_for_line(&actor->err, PEER_MS);
    if (answer == NULL || strcmp(answer, "ok") != 0)
        report_otherwise(line, answer ? answer : "no answer",
                         "The program has closed this connection, or does not "
                         "receive what is sent to it.");
    free(answer);
}

/* Lets a trace of the play come to its end: until nothing more is called. */
static void settle_trace(void)
{
    long before, size = 0;

    do {
        before = size;
        hear_actors(SETTLE_MS);
        fseek(trace, 0, SEEK_END);
        size = ftell(trace);
    } while (size != before);
}

/* Gives a moment to what happens after the last line, and time to a sanitizer
   to finish its report: who is killed within it does not name a line. */
static void let_reports_finish(void)
{
    long long deadline = now_ms() + REPORT_MS;

    while (now_ms() < deadline &&
           (wait_for_actors(now_ms() + AFTER_MS) || sanitizer_writes()))
        continue;
}

/* Nobody may have said more than the transcript has. */
static void finish(void)
{
    let_reports_finish();
    if (trace)
        settle_trace();
    end_trace();
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
        struct actor *actor = *line->name ? actor_of(line->name, line) : NULL;
        report_progress(script, i);
        if (line->kind == STARTS)
            start(line);
        else if (line->kind == DIRECTION)
            direct(line);
        else if (line->kind == TYPES)
            type(actor, line);
        else if (line->kind == ASKS)
            hear_question(actor, line);
        else if (line->kind == COMPLAINS)
            hear_error(actor, line);
        else
            hear(actor, script, i);
        line->played = expand(line->shown, line->kind == STARTS ? "0" : NULL);
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
        if (!*name)
            name = strstr(line->text, "server") ? "server" : "client";
        char *text = expand(line->text, script->port);
        stage_show(name, (int)line->kind, text);
        free(text);
    }
}

/* Every play brings its own name service, and FAULTS if they are set: both are
   preload.c's. */
static void find_preload(void)
{
#ifndef __APPLE__
    char path[4096];

    snprintf(path, sizeof(path), "%s/preload.so", support);
    if (access(path, R_OK) == 0)
        preload = strdup(path);
    snprintf(path, sizeof(path), "%s/names", support);
    setenv("NAMES", path, 0);
#endif
}

static void set_sanitizers(void)
{
    /* A report ends a program with a status that none has of its own. */
    setenv("ASAN_OPTIONS",
           "exitcode=99:detect_stack_use_after_return=1:"
           "verify_asan_link_order=0", /* for preload.c */
           0);
    setenv("MALLOC_PERTURB_", "165", 0); /* glibc: freed memory is garbage */
    setenv("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1", 0);
}

static void play_file(const char *file, bool run)
{
    struct script *scripts;
    size_t count = load_scripts(file, &scripts);

    if (count == 0)
        errx(2, "%s: no transcript in it", file);
    for (size_t i = 0; i < count; i++)
        run ? play(&scripts[i]) : recite(&scripts[i]);
}

int main(int argc, char **argv)
{
    bool show = false, run = true;
    int option, pace = 100;

    support = strdup(argv[0]);
    support = dirname(support);
    find_preload();
    set_sanitizers();
    while ((option = getopt(argc, argv, "d:fnr:st:")) != -1) {
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
        else if (option == 't' && setenv("TRACE", optarg, 1) == 0)
            trace = fopen(optarg, "a+");
        else
            return 2;
    }
    if (optind == argc)
        errx(2, "usage: play [-sfn] [-d DIR] [-r WORDS] [-t FILE] FILE...");

    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    signal(SIGHUP, on_interrupt);
    atexit(kill_actors);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (show)
        stage_open(pace);
    for (; optind < argc; optind++)
        play_file(argv[optind], run);
    return 0;
}
