#include "actor.h"

#include <sys/select.h>
#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INHERITED_MAX = 512 };

struct actor actors[ACTORS_MAX];
int actor_count;

long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Adds to the trace what the program itself cannot. */
static void note(pid_t pid, const char *what, const char *how, int status)
{
    const char *path = getenv("TRACE");
    FILE *trace = path && *path ? fopen(path, "a") : NULL;

    if (trace == NULL)
        return;
    fprintf(trace, "0 %ld 0 %s %s %d\n", (long)pid, what, how, status);
    fclose(trace);
}

void end_trace(void)
{
    note(0, "over", "", 0);
}

bool is_peer(const char *name)
{
    return strncmp(name, "peer", strlen("peer")) == 0;
}

/* That a child has changed has only to interrupt the wait. */
static void on_child(int signal_number)
{
    (void)signal_number;
}

/* The rest of a child's life before exec: signals as a shell starts a program
   in the foreground, with nothing ignored. The library is for the program, not
   for the shell that reads its arguments. */
static _Noreturn void become(const char *name, const char *path,
                             const char *arguments, const char *preload,
                             const int ends[3])
{
    static const int ignorable[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
    static const char script[] =
        "export LD_PRELOAD=\"$1\"; eval 'exec \"$0\"' \"$2\"";
    sigset_t none;

    setpgid(0, 0);
    for (size_t i = 0; i < sizeof(ignorable) / sizeof(*ignorable); i++)
        signal(ignorable[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setenv("TRACE_NAME", name, 1);
    if (is_peer(name))
        unsetenv("FAULTS"); /* they are for who is tested */
    for (int fd = 0; fd < 3; fd++)
        dup2(ends[fd], fd);
    for (int fd = 3; fd < INHERITED_MAX; fd++)
        close(fd); /* what this program was born with */
    execl("/bin/sh", "sh", "-c", script, path, preload, arguments,
          (char *)NULL);
    warn("/bin/sh");
    _exit(127); /* not exit: what is registered with atexit is not ours */
}

struct actor *start_actor(const char *name, const char *path,
                          const char *arguments, const char *preload)
{
    struct sigaction action = {.sa_handler = on_child};
    int in[2], out[2], error[2];
    sigset_t all, mask;

    if (actor_count == ACTORS_MAX)
        errx(1, "more than %d programs", ACTORS_MAX);
    if (pipe(in) == -1 || pipe(out) == -1 || pipe(error) == -1)
        err(1, "pipe");
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    /* Whom kill_actors does not know, a signal would leave behind. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    struct actor *actor = &actors[actor_count++];
    *actor = (struct actor){
        .in = in[1],
        .out = {.fd = out[0]},
        .err = {.fd = error[0]},
        .running = true,
        .pid = fork(),
    };
    snprintf(actor->name, sizeof(actor->name), "%s", name);
    if (actor->pid == -1)
        err(1, "fork");
    if (actor->pid == 0)
        become(name, path, arguments, preload,
               (int[]){in[0], out[1], error[1]});
    setpgid(actor->pid, actor->pid); /* as the child does: who comes first */
    sigaddset(&mask, SIGCHLD);       /* it comes while wait_for_actors waits */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(in[0]);
    close(out[1]);
    close(error[1]);
    note(actor->pid, "runs", name, 0);
    return actor;
}

struct actor *find_actor(const char *name)
{
    for (int i = 0; i < actor_count; i++)
        if (strcmp(actors[i].name, name) == 0)
            return &actors[i];
    return NULL;
}

void type_to(struct actor *actor, const char *bytes, size_t len)
{
    /* No signal cuts it short: those that are not blocked end this program. */
    ssize_t n = actor->in == -1 ? 0 : write(actor->in, bytes, len);
    (void)n; /* who is gone is gone: the transcript's next line will tell */
}

void close_stream(struct stream *stream)
{
    close(stream->fd);
    stream->fd = -1;
}

static void read_stream(struct stream *stream)
{
    enum { PIECE = 4096 };

    stream->bytes = realloc(stream->bytes, stream->len + PIECE);
    if (stream->bytes == NULL)
        err(1, "realloc");
    ssize_t n = read(stream->fd, stream->bytes + stream->len, PIECE);
    if (n > 0)
        stream->len += (size_t)n;
    else
        close_stream(stream);
}

/* Sees who has ended, but leaves the zombies: as long as its leader is one,
   the number of a process group cannot become somebody else's. */
static void look_at_children(void)
{
    for (int i = 0; i < actor_count; i++) {
        siginfo_t info = {0};
        if (actors[i].running &&
            waitid(P_PID, (id_t)actors[i].pid, &info,
                   WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0) {
            actors[i].running = false;
            actors[i].status = info.si_status;
            actors[i].signalled = info.si_code != CLD_EXITED;
            note(actors[i].pid, "end", actors[i].signalled ? "signal" : "exit",
                 info.si_status);
        }
    }
}

bool wait_for_actors(long long deadline)
{
    struct stream *streams[2 * ACTORS_MAX];
    long long left = deadline - now_ms();
    struct timespec patience = {0};
    fd_set ready;
    sigset_t mask;
    int n = 0;

    FD_ZERO(&ready);
    for (int i = 0; i < 2 * actor_count; i++) {
        struct actor *actor = &actors[i / 2];
        struct stream *stream = i % 2 ? &actor->err : &actor->out;
        if (stream->fd != -1) {
            FD_SET((unsigned)stream->fd, &ready);
            streams[n++] = stream;
        }
    }
    if (left > 0)
        patience = (struct timespec){left / 1000, left % 1000 * 1000000};
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigdelset(&mask, SIGCHLD);
    int events = pselect(FD_SETSIZE, &ready, NULL, NULL, &patience, &mask);
    bool changed = events == -1 && errno == EINTR;
    if (changed)
        look_at_children();
    while (events > 0 && n-- > 0)
        if (FD_ISSET((unsigned)streams[n]->fd, &ready))
            read_stream(streams[n]);
    return changed || events > 0;
}

void hear_actors(int ms)
{
    long long deadline = now_ms() + ms;

    while (wait_for_actors(deadline))
        continue;
}

/* The length of the UTF-8 letter at the start of the text, or 0 if it is none
   that belongs on paper. */
static size_t letter_length(const unsigned char *text, size_t left)
{
    size_t len = *text < 0x80   ? 1
                 : *text < 0xc2 ? 0
                 : *text < 0xe0 ? 2
                 : *text < 0xf0 ? 3
                 : *text < 0xf5 ? 4
                                : 0;

    if (len > left || (len == 1 && iscntrl(*text)))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

char *next_line(struct stream *stream)
{
    static const char special[] = "\r\t", letters[] = "rt0";
    const char *start = stream->bytes + stream->taken, *found;
    size_t left = stream->len - stream->taken, size;
    const char *newline = left ? memchr(start, '\n', left) : NULL;
    char *line;

    if (left == 0 || (newline == NULL && stream->fd != -1))
        return NULL;
    FILE *to = open_memstream(&line, &size);
    if (to == NULL)
        err(1, "open_memstream");
    size_t len = newline ? (size_t)(newline - start) : left;
    for (size_t i = 0; i < len;) {
        const unsigned char *at = (const unsigned char *)start + i;
        size_t n = letter_length(at, len - i);
        if (n > 0)
            fwrite(at, 1, n, to);
        else if ((found = memchr(special, *at, sizeof(special))) != NULL)
            fprintf(to, "\\%c", letters[found - special]);
        else
            fprintf(to, "\\x%02x", *at);
        i += n ? n : 1;
    }
    if (newline == NULL)
        fputs("[no newline]", to);
    fclose(to);
    stream->taken += newline ? len + 1 : len;
    return line;
}

static void skip_spaces(struct stream *stream)
{
    while (stream->taken < stream->len && stream->bytes[stream->taken] == ' ')
        stream->taken++;
}

bool next_is(struct stream *stream, const char *text)
{
    size_t len = strlen(text);

    skip_spaces(stream);
    if (stream->len - stream->taken < len ||
        memcmp(stream->bytes + stream->taken, text, len) != 0)
        return false;
    stream->taken += len;
    skip_spaces(stream);
    return true;
}

void end_actors(void)
{
    /* First all are stopped, so that none speaks of another one's end. */
    for (int i = 0; i < actor_count; i++)
        kill(-actors[i].pid, SIGSTOP);
    for (int i = 0; i < actor_count; i++)
        kill(-actors[i].pid, SIGKILL);

    long long deadline = now_ms() + 1000;
    for (int i = 0; i < actor_count; i++)
        while (actors[i].running || actors[i].out.fd != -1 ||
               actors[i].err.fd != -1)
            if (!wait_for_actors(deadline))
                return;
}

void kill_actors(void)
{
    for (int i = 0; i < actor_count; i++) {
        kill(-actors[i].pid, SIGKILL);
        while (waitpid(actors[i].pid, NULL, 0) == -1 && errno == EINTR)
            continue; /* SIGCHLD came */
    }
    actor_count = 0;
}
