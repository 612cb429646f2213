#include "report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    THREADS = 8, /* that a report looks at */
    WIDTH = 76,
    BEFORE = 14,
    EXCERPT = 60,
    LINES = 8,
    SHOWN = 9, /* programs */
    ERRORS = 16,
    SETTLE_MS = 200
};

static const struct script *playing;
static size_t played;
static const char *reading;

const char spins[] =
    "The program spins: it calls something again and again that does not wait. "
    "After the end of file, recv returns 0 at once, each time that it is "
    "called.";

void report_progress(const struct script *script, size_t at)
{
    playing = script;
    played = at;
}

void report_reading(const char *words)
{
    reading = words;
}

/* Prints words in lines of WIDTH, each behind four spaces. */
static void print_wrapped(const char *words)
{
    size_t column = 0;

    while (*(words += strspn(words, " \n"))) {
        size_t len = strcspn(words, " \n");
        if (column && column + 1 + len > WIDTH) {
            putchar('\n');
            column = 0;
        }
        column +=
            (size_t)printf("%s%.*s", column ? " " : "    ", (int)len, words);
        words += len;
    }
    putchar('\n');
}

/* Prints a line that may be long, of a program if it has a name, around the
   place that matters. What is left out is counted. Returns the column of byte
   `at`. */
static int print_around(const char *name, int kind, const char *text, size_t at)
{
    size_t len = strlen(text);
    size_t from = at > EXCERPT ? at - EXCERPT / 2 : 0;
    size_t to = len > from + 2 * EXCERPT ? from + 2 * EXCERPT : len;

    int column = printf("    ");
    if (*name)
        column += printf("%s%c ", name, kind);
    if (from)
        column += printf("[%zu bytes before] ", from);
    for (size_t i = from; i < at; i++)
        column += (text[i] & 0xc0) != 0x80; /* not inside a UTF-8 letter */
    printf("%.*s", (int)(to - from), text + from);
    if (to < len)
        printf(" [%zu bytes after]", len - to);
    putchar('\n');
    return column;
}

static void print_done(void)
{
    size_t from = played > BEFORE ? played - BEFORE : 0;

    puts("\nWhat was done:");
    if (from)
        printf("    (%zu lines before these)\n", from);
    for (size_t i = from; i < played; i++)
        print_around("", 0, playing->lines[i].played, 0);
}

/* Finds words in what a program wrote to stderr. */
static const char *said(const struct actor *actor, const char *words)
{
    size_t len = strlen(words);

    for (size_t i = 0; i + len <= actor->err.len; i++)
        if (memcmp(actor->err.bytes + i, words, len) == 0)
            return actor->err.bytes + i;
    return NULL;
}

static const char past_the_end[] =
    "The program reads or writes past the end of an array. Is there room for "
    "the byte after the last one?";

/* What well-known symptoms mean, for someone who meets them the first time. */
static const struct symptom {
    const char *words; /* on stderr */
    const char *meaning;
} symptoms[] = {
    {"stack-use-after",
     "A variable of a function is used after the function has "
     "returned, or by another thread: what pthread_create "
     "passes on has to live on, as what malloc gave does."},
    {"stack-buffer-overflow",
     "The program reads or writes past the end of an array. Is there room for "
     "the byte after the last one? Has what %s prints a NUL at its end? (With "
     "threads: was one given &client, the address of a variable, in place of "
     "the pointer from malloc, client?)"},
    {"double-free", "The program frees the same memory twice."},
    {"heap-use-after-free", "The program uses memory that it has freed."},
    {"buffer-overflow", past_the_end},
    {"data race",
     "Two threads use the same memory at the same time, and one of "
     "them writes: a data race. Both lines are in the report. "
     "Lock the mutex before each such use; see pthreads(7)."},
    {"out of bounds", past_the_end},
    {"detected memory leaks", "Memory that was allocated is never freed."},
    {"Sanitizer", "A sanitizer found a mistake in the use of memory; the "
                  "report names file and line."},
    {"runtime error", "The C language does not define what this does; the "
                      "report names file and line."},
    {"in use",
     "Another socket has this port. Was SO_REUSEADDR set before bind, and is "
     "the server before this one really gone? `ss -tlnp` shows who listens."},
    {"ai_flags",
     "A field of the hints was never set. Begin with `= {...}`, which "
     "sets all others to 0."},
    {"Interrupted system call",
     "A signal came while the call waited: -1 with EINTR. Nothing is wrong; "
     "call it again. See signal(7)."},
    {"Invalid argument",
     "The length of an address is the sizeof of its struct, or ai_addrlen; "
     "accept wants a socket that listens. The call's man page has EINVAL."},
    {"Bad file descriptor",
     "A descriptor is used after it was closed, or before it was opened."},
    {"Operation not supported",
     "Only a SOCK_STREAM socket can listen and accept."},
    {"non-socket", "The descriptor is not that of a socket. Is the result of "
                   "a call stored before it is compared with -1?"},
};

static const struct {
    int number;
    const char *meaning;
} signals[] = {
    {SIGPIPE, "It was ended by SIGPIPE: writing to a connection whose other "
              "end is gone raises this signal, and who does not ignore it dies "
              "of it. See send(2), signal(7)."},
    {SIGSEGV, "It was ended by SIGSEGV: it used a pointer that points nowhere, "
              "or wrote past the end of an array."},
    {SIGABRT, "It was ended by SIGABRT: the C library found damaged memory, or "
              "abort was called."},
};

/* What can be told from the way a program ended. */
static const char *symptom_of(const struct actor *actor)
{
    for (size_t i = 0; i < sizeof(symptoms) / sizeof(*symptoms); i++)
        if (said(actor, symptoms[i].words))
            return symptoms[i].meaning;
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        if (actor->signalled && actor->status == signals[i].number)
            return signals[i].meaning;
    return NULL;
}

const char *missing_step(void)
{
    for (int i = 0; i < actor_count; i++) {
        const char *at = said(&actors[i], "step ");
        if (!actors[i].running && actors[i].status == 3 && at)
            return at;
    }
    return NULL;
}

/* A missing step explains a failure, unless it comes after the step that is
   looked at: as far as that one, the program should have been right. */
static bool explains(const char *step)
{
    const char *tested = reading ? strstr(reading, "step ") : NULL;

    return step && (tested == NULL ||
                    strtol(step + 5, NULL, 10) <= strtol(tested + 5, NULL, 10));
}

static void print_cause(const char *symptom, const char *hint)
{
    const char *step = missing_step();

    puts("Likely cause:");
    if (explains(step)) {
        printf("    %.*s\n", (int)strcspn(step, "\n"), step);
        return;
    }
    const char *own = NULL; /* how a program ended tells most */
    for (int i = 0; i < actor_count && own == NULL; i++)
        own = symptom_of(&actors[i]);
    if (own)
        symptom = own;
    if (symptom)
        print_wrapped(symptom);
    for (int i = 0; i < actor_count; i++) {
        const char *summary = said(&actors[i], "SUMMARY: ");
        const char *own_line = said(&actors[i], " labs/lab");
        if (summary)
            printf("    %.*s\n", (int)strcspn(summary, "\n"), summary);
        if (summary && own_line)
            printf("    The first line of yours there:%.*s\n",
                   (int)strcspn(own_line, "\n"), own_line);
    }
    if (hint)
        print_wrapped(hint);
    if (!symptom && !hint)
        puts("    none that is known; the two lines above are what to go by");
}

/* Tells from the trace in which calls a program waits: those that have begun
   last in a thread, and not returned. */
static void print_waiting(const struct actor *actor)
{
    char open[THREADS][40] = {""}, what, call[20];
    const char *path = getenv("TRACE");
    FILE *trace = path && !is_peer(actor->name) ? fopen(path, "r") : NULL;
    char *text = NULL;
    size_t size = 0;
    long pid, thread;
    int fd;

    while (trace && getline(&text, &size, trace) != -1) {
        fd = -1;
        if (sscanf(text, "%*s %ld %ld %c %19s %d", &pid, &thread, &what, call,
                   &fd) < 3 ||
            pid != actor->pid || thread < 0 || thread >= THREADS)
            continue;
        open[thread][0] = '\0';
        if (what == '(')
            snprintf(open[thread], sizeof(open[thread]),
                     fd > 0 ? "%s(%d)"
                     : fd   ? "%s"
                            : "%s(stdin)",
                     call, fd);
    }
    for (thread = 0; thread < THREADS; thread++)
        if (open[thread][0])
            printf("%s %s", thread ? ", a thread in" : ", in", open[thread]);
    free(text);
    if (trace)
        fclose(trace);
}

static void print_state(const struct actor *actor)
{
    if (actor->running) {
        printf("    %s is still running", actor->name);
        print_waiting(actor);
        putchar('\n');
    } else if (actor->signalled) {
        printf("    %s was ended by signal %d (%s)\n", actor->name,
               actor->status, strsignal(actor->status));
    } else {
        printf("    %s has ended with status %d\n", actor->name, actor->status);
    }
}

static void print_actors(void)
{
    char *line;

    puts("How they are:");
    for (int i = 0; i < actor_count && i < SHOWN; i++) {
        struct actor *actor = &actors[i];
        print_state(actor);
        for (int n = 0; n <= LINES && (line = next_line(&actor->out)); n++) {
            printf("    ");
            if (n < LINES)
                print_around(actor->name, PRINTS, line, 0);
            else
                puts("    ... and more lines");
        }
        actor->err.taken = 0;
        for (int n = 0; (line = next_line(&actor->err)) != NULL;)
            if (strcmp(line, "ok") != 0 && n++ < ERRORS) /* "ok": the peer */
                printf("        %s! %s\n", actor->name, line);
    }
    if (actor_count > SHOWN)
        printf("    ... and %d more\n", actor_count - SHOWN);
}

static _Noreturn void finish(const char *symptom, const char *hint)
{
    end_trace();
    print_cause(symptom, hint);
    print_actors();
    if (reading)
        printf("Read again: %s\n", reading);
    if (reading && getenv("TRACE"))
        printf("See the calls: scripts/trace %s\n", getenv("TRACE"));
    exit(1);
}

/* Begins a report, when what is on its way has arrived. */
static void begin(const struct line *line)
{
    char *text = expand(line->text, "*");

    hear_actors(SETTLE_MS);
    print_done();
    puts("Expected:");
    print_around(line->name, (int)line->kind, text, 0);
    puts("Got:");
    free(text);
}

/* The same when it is more than the lines have that came. */
static void begin_after(const char *expected, const struct actor *actor)
{
    print_done();
    printf("Expected:\n    %s %s\nGot:\n", expected, actor->name);
}

/* What a difference looks like when its reason is a well-known one. */
static const char *symptom_of_text(const char *want, const char *got)
{
    size_t wanted = strlen(want), len = strlen(got);

    size_t text = len - (len > 2 && strcmp(got + len - 2, "\\n") == 0 ? 2 : 0);

    if (strncmp(want, got, text) == 0 && text == sizeof(char *))
        return "These are 8 bytes, the size of a pointer: sizeof of a pointer "
               "is not the length of what it points to.";
    if (len > wanted && strncmp(want, got, wanted) == 0 && wanted > 0 &&
        got[wanted] != '[' && strcmp(got + wanted, "\\r") != 0)
        return "The newline behind the line is missing, and more follows on "
               "the same line.";
    if (strstr(want, "\\0") && strncmp(want, got, strcspn(want, "\\")) == 0 &&
        !strstr(got, "\\0"))
        return "It stops where a NUL byte should come: what was received was "
               "taken for a string. Use its length, as fwrite(3) does.";
    if (strstr(got, "\\0") && !strstr(want, "\\0"))
        return "A NUL byte, the end of a C string, was sent along or printed: "
               "the length of a message is strlen, not sizeof.";
    if ((strstr(got, "\\r") && !strstr(want, "\\r")) ||
        (len > wanted && strcmp(got + wanted, "\\r") == 0))
        return "A carriage return, \\r, stands before the newline: telnet "
               "sends it, and it belongs to the line's end, not to the line.";
    if (strcmp(got, "[reset]") == 0)
        return "The connection was reset: what was on its way is lost. close "
               "does that when bytes were received that nobody has read, or "
               "with SO_LINGER.";
    if (strstr(got, "[no newline]") && !strstr(want, "[no newline]"))
        return "The program ended before it printed a newline.";
    return NULL;
}

void report_difference(struct actor *actor, const struct line *line,
                       const char *got, size_t at)
{
    begin(line);
    printf("%*s\n", print_around(actor->name, PRINTS, got, at) + 1, "^");
    finish(symptom_of_text(line->text, got), line->hint);
}

/* Shows what the peer holds of a line. */
static void report_part(struct actor *peer, const struct line *line)
{
    size_t at;

    type_to(peer, "show 0\n", strlen("show 0\n"));
    hear_actors(SETTLE_MS);
    char *got = next_line(&peer->out);
    if (got && !matches(line->text, got, &at))
        report_difference(peer, line, got, at);
    free(got);
}

void report_silence(struct actor *actor, const struct line *line)
{
    const struct stream *out = &actor->out;
    const char *symptom = NULL;

    if (is_peer(actor->name))
        report_part(actor, line);
    long long before = cpu_ms(actor->pid);
    begin(line);
    if (actor->running && cpu_ms(actor->pid) - before > SETTLE_MS / 2)
        symptom = spins;
    if (line->kind != COMPLAINS && actor->running && out->len > out->taken) {
        printf("    nothing but `%.*s`, which does not end with a newline\n",
               (int)(out->len - out->taken), out->bytes + out->taken);
        symptom = "The newline at the end of the line is missing.";
    } else if (actor->running) {
        printf("    nothing: %s is still running and never wrote this\n",
               actor->name);
    } else {
        printf("    nothing: %s has ended without writing this\n", actor->name);
    }
    if (line->kind != COMPLAINS && said(actor, line->text))
        symptom = "It went to stderr, and belongs on stdout.";
    finish(symptom, line->hint);
}

void report_more(struct actor *actor, const char *got)
{
    begin_after("no more lines from", actor);
    print_around(actor->name, PRINTS, got, 0);
    finish(NULL, playing->lines[played - 1].hint);
}

void report_end(struct actor *actor, const struct line *line)
{
    begin(line);
    print_state(actor);
    finish(NULL, line->hint);
}

void report_otherwise(const struct line *line, const char *got,
                      const char *symptom)
{
    begin(line);
    printf("    %s\n", got);
    finish(symptom, line->hint);
}

bool sanitizer_writes(void)
{
    for (int i = 0; i < actor_count; i++)
        if (actors[i].running && said(&actors[i], "Sanitizer") &&
            !said(&actors[i], "SUMMARY"))
            return true;
    return false;
}

void report_sanitizer(struct actor *actor)
{
    if (!said(actor, "Sanitizer:") && !said(actor, "runtime error:"))
        return;
    begin_after("a clean run of", actor);
    puts("    a sanitizer's report");
    finish(symptom_of(actor), playing->lines[played - 1].hint);
}
