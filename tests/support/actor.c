#include "actor.h"

#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INHERITED_MAX = 256 };

struct actor actors[ACTORS_MAX];
int actor_count;

/* A byte in this pipe says that a child has changed: poll(2) wakes for it. */
static int child_pipe[2] = {-1, -1};

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

static void on_child(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    ssize_t n = write(child_pipe[1], "", 1);
    (void)n; /* a full pipe wakes poll just as well */
    errno = saved;
}

static void set_flags(int fd, int status_flags)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
        fcntl(fd, F_SETFL, status_flags) == -1)
        err(1, "fcntl");
}

static void watch_children(void)
{
    if (pipe(child_pipe) == -1)
        err(1, "pipe");
    set_flags(child_pipe[0], O_NONBLOCK);
    set_flags(child_pipe[1], O_NONBLOCK);

    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Opens the file, or a pipe: [0] is the child's end, [1] stays here. */
static void open_ends(int ends[2], const char *file, int flags)
{
    if (file) {
        ends[0] = open(file, flags | O_CLOEXEC, 0666);
        ends[1] = -1;
        if (ends[0] == -1)
            err(1, "open %s", file);
        return;
    }

    int fds[2];
    if (pipe(fds) == -1)
        err(1, "pipe");
    bool child_reads = flags == O_RDONLY;
    ends[0] = fds[child_reads ? 0 : 1];
    ends[1] = fds[child_reads ? 1 : 0];
    set_flags(ends[0], 0);
    set_flags(ends[1], child_reads ? 0 : O_NONBLOCK);
}

/* The rest of a child's life before exec: signals as a shell starts a program
   in the foreground, with nothing ignored. */
static _Noreturn void become(const char *name, char **argv, const char *preload,
                             int in, int out, int error)
{
    static const int ignorable[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM};
    sigset_t none;

    setpgid(0, 0);
    for (size_t i = 0; i < sizeof(ignorable) / sizeof(*ignorable); i++)
        signal(ignorable[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (preload) {
        setenv("LD_PRELOAD", preload, 1);
        setenv("TRACE_NAME", name, 1);
    }
    if (strncmp(name, "peer", strlen("peer")) == 0)
        unsetenv("FAULTS"); /* they are for who is tested */
    dup2(in, 0);
    dup2(out, 1);
    dup2(error, 2);
    for (int fd = 3; fd < INHERITED_MAX; fd++)
        close(fd); /* what this program was born with */
    execv(argv[0], argv);
    warn("%s", argv[0]);
    _exit(127); /* not exit: what is registered with atexit is not ours */
}

struct actor *start_actor(const char *name, char **argv, const char *preload,
                          const char *in_file, const char *out_file,
                          bool merged)
{
    int in[2], out[2], error[2];
    sigset_t all, mask;

    if (actor_count == ACTORS_MAX)
        errx(1, "more than %d programs", ACTORS_MAX);
    if (child_pipe[0] == -1)
        watch_children();
    open_ends(in, in_file, O_RDONLY);
    open_ends(out, out_file, O_WRONLY | O_CREAT | O_TRUNC);
    open_ends(error, NULL, O_WRONLY);

    /* Whom kill_actors does not know, a signal would leave behind. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    struct actor *actor = &actors[actor_count++];
    *actor = (struct actor){
        .in = in[1],
        .out = {.fd = out[1]},
        .err = {.fd = error[1]},
        .running = true,
        .pid = fork(),
    };
    snprintf(actor->name, sizeof(actor->name), "%s", name);
    if (actor->pid == -1)
        err(1, "fork");
    if (actor->pid == 0)
        become(name, argv, preload, in[0], merged ? error[0] : out[0],
               error[0]);
    setpgid(actor->pid, actor->pid); /* as the child does: who comes first */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(in[0]);
    close(out[0]);
    close(error[0]);
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
    while (actor->in != -1 && len > 0) {
        ssize_t n = write(actor->in, bytes, len);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void read_stream(struct stream *stream)
{
    char buf[4096];

    ssize_t n = read(stream->fd, buf, sizeof(buf));
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close(stream->fd);
        stream->fd = -1;
        return;
    }
    stream->bytes = realloc(stream->bytes, stream->len + (size_t)n);
    if (stream->bytes == NULL)
        err(1, "realloc");
    memcpy(stream->bytes + stream->len, buf, (size_t)n);
    stream->len += (size_t)n;
}

/* Sees who has ended, but leaves the zombies: as long as its leader is one,
   the number of a process group cannot become somebody else's. */
static void look_at_children(void)
{
    char bytes[64];

    while (read(child_pipe[0], bytes, sizeof(bytes)) > 0)
        ;
    for (int i = 0; i < actor_count; i++) {
        siginfo_t info = {0};
        if (actors[i].running &&
            waitid(P_PID, (id_t)actors[i].pid, &info,
                   WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0) {
            actors[i].running = false;
            actors[i].status = info.si_status;
            bool killed = info.si_code != CLD_EXITED;
            actors[i].signalled = killed;
            note(actors[i].pid, "end", killed ? "signal" : "exit",
                 info.si_status);
        }
    }
}

bool wait_for_actors(long long deadline)
{
    struct pollfd fds[2 * ACTORS_MAX + 1];
    struct stream *streams[2 * ACTORS_MAX];
    nfds_t n = 0;

    for (int i = 0; i < actor_count; i++) {
        streams[n] = &actors[i].out;
        fds[n++] = (struct pollfd){.fd = actors[i].out.fd, .events = POLLIN};
        streams[n] = &actors[i].err;
        fds[n++] = (struct pollfd){.fd = actors[i].err.fd, .events = POLLIN};
    }
    fds[n] = (struct pollfd){.fd = child_pipe[0], .events = POLLIN};

    long long left = deadline - now_ms();
    int ready = poll(fds, n + 1, left > 0 ? (int)left : 0);
    if (ready == 0 || (ready == -1 && errno != EINTR))
        return false;
    if (ready == -1)
        return true;
    for (nfds_t i = 0; i < n; i++)
        if (fds[i].revents)
            read_stream(streams[i]);
    if (fds[n].revents)
        look_at_children();
    return true;
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

static char *append_escaped(char *end, unsigned char byte)
{
    static const char special[] = {'\r', '\t', '\0'};
    static const char letters[] = {'r', 't', '0'};
    const char *found = memchr(special, byte, sizeof(special));

    if (found == NULL)
        return end + snprintf(end, sizeof("\\xff"), "\\x%02x", byte);
    *end++ = '\\';
    *end++ = letters[found - special];
    return end;
}

char *next_line(struct stream *stream)
{
    static const char unfinished[] = "[no newline]";
    const char *start = stream->bytes + stream->taken;
    size_t left = stream->len - stream->taken;
    const char *newline = left ? memchr(start, '\n', left) : NULL;

    if (left == 0 || (newline == NULL && stream->fd != -1))
        return NULL;
    size_t len = newline ? (size_t)(newline - start) : left;
    char *line = malloc(4 * len + sizeof(unfinished));
    if (line == NULL)
        err(1, "malloc");
    char *end = line;
    for (size_t i = 0; i < len;) {
        const unsigned char *at = (const unsigned char *)start + i;
        size_t n = letter_length(at, len - i);
        if (n == 0)
            end = append_escaped(end, *at);
        memcpy(end, at, n);
        end += n;
        i += n ? n : 1;
    }
    memcpy(end, unfinished, sizeof(unfinished));
    if (newline)
        *end = '\0';
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
        waitpid(actors[i].pid, NULL, 0);
    }
    actor_count = 0;
}
