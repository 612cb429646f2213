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

#include <sys/stat.h>

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
    WORDS_MAX = 32,
};

static const char *programs = "."; /* where server and client are */
static char *support;              /* where the kit's own tools are */
static char *preload;              /* preload.so, where that can be */
static FILE *trace;                /* what is called, to read along */

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
    let_wait(start_actor(name, command.words, preload, command.in_file,
                         command.out_file, command.merged));
    free(shown);
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

/* A socket for IPv4 and IPv6 shows IPv4 addresses as ::ffff:127.0.0.1. */
static char *without_mapping(char *line)
{
    char *mapped = line ? strstr(line, "::ffff:") : NULL;

    if (mapped && mapped[7])
        memmove(mapped, mapped + 7, strlen(mapped + 7) + 1);
    return line;
}

/* Returns the next line of a stream, or NULL after the deadline or at its
   end, when there will be none any more. */
static char *wait_for_line_ms(struct stream *stream, int ms)
{
    long long deadline = now_ms() + ms;
    char *line;

    while ((line = next_line(stream)) == NULL)
        if (stream->fd == -1 || !wait_more(&deadline))
            return next_line(stream);
    return line;
}

static char *wait_for_line(struct stream *stream)
{
    return wait_for_line_ms(stream, patience_ms());
}

static void hear(struct actor *actor, const struct line *line)
{
    size_t at;

    if (strcmp(line->text, "...") == 0) {
        actor->unjudged = true;
        return;
    }
    char *got = without_mapping(wait_for_line(&actor->out));
    while (got && actor->unjudged && !matches(line->text, got, &at)) {
        free(got);
        got = without_mapping(wait_for_line(&actor->out));
    }
    if (got == NULL)
        report_silence(actor, line);
    if (!matches(line->text, got, &at))
        report_difference(actor, line, got, at);
    stage_show(actor->name, PRINTS, got);
    free(got);
}

static bool is_any(const struct line *line, const char *name)
{
    return line->kind == ANY && strcmp(line->name, name) == 0;
}

/* The next line is one of a block of `~` lines that was not heard before. */
static void hear_any(struct actor *actor, const struct script *script, size_t i)
{
    struct line *line = &script->lines[i], *open = NULL;
    struct line *end = script->lines + script->count;
    size_t at;

    while (line > script->lines && is_any(&line[-1], actor->name))
        line--;
    char *got = without_mapping(wait_for_line(&actor->out));
    for (; line < end && is_any(line, actor->name); line++) {
        if (!line->heard && open == NULL)
            open = line;
        if (got && !line->heard && matches(line->text, got, &at)) {
            line->heard = true;
            stage_show(actor->name, PRINTS, got);
            free(got);
            return;
        }
    }
    if (got == NULL)
        report_silence(actor, open);
    matches(open->text, got, &at);
    report_difference(actor, open, got, at);
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
    char *answer = wait_for_line_ms(&actor->err, PEER_MS);
    if (answer == NULL || strcmp(answer, "ok") != 0)
        report_otherwise(line, answer ? answer : "no answer",
                         "The program has closed this connection, or does not "
                         "receive what is sent to it.");
    free(answer);
}

/* Lets a trace of the play come to its end: until nothing more is called. */
static void settle_trace(void)
{
    struct stat before = {0}, now = {0};

    do {
        before = now;
        long long deadline = now_ms() + SETTLE_MS;
        while (wait_for_actors(deadline))
            ;
    } while (fstat(fileno(trace), &now) == 0 && now.st_size != before.st_size);
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
        else if (line->kind == ANY)
            hear_any(actor_of(line->name, line), script, i);
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
            name = strncmp(line->text, "server", 6) == 0 ? "server" : "client";
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

int main(int argc, char **argv)
{
    bool show = false, run = true;
    int option, pace = 100;

    support = strdup(argv[0]);
    support = dirname(support);
    find_preload();
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

    /* A report ends a program with a status that none has of its own. */
    setenv("ASAN_OPTIONS",
           "exitcode=99:detect_stack_use_after_return=1:"
           "verify_asan_link_order=0", /* for preload.c */
           0);
    setenv("MALLOC_PERTURB_", "165", 0); /* glibc: freed memory is garbage */
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
