/*
 * poll(2) watches the connection while somebody types, and a reset is noticed
 * at once. The contract asks only that it is noticed at the next call; sooner
 * is right as well. A half-close is no reason to stop typing.
 */
#include "chat.h"

#include <poll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum result { END, LINE, TOO_LONG, BROKEN };

static char line[LINE_LIMIT + 1];
static size_t len;

static bool is_bye(void)
{
    return len == 3 && memcmp(line, "bye", 3) == 0;
}

static bool gone(const struct chat *chat)
{
    printf("%s disconnected....\n", chat->peer);
    return false;
}

/* Waits for bytes on `fd`. Returns false when `other` breaks meanwhile. */
static bool wait_for(int fd, int other)
{
    struct pollfd pollers[] = {{.fd = fd, .events = POLLIN}, {.fd = other}};

    while (poll(pollers, 2, -1) == -1)
        if (errno != EINTR)
            err(1, "poll");
    if (pollers[0].revents || !(pollers[1].revents & POLLERR))
        return true;
    errno = ECONNRESET;
    return false;
}

/* Fetches a line, and what the reader has behind it moves to the front. */
static enum result get(struct reader *reader, int other)
{
    for (;;) {
        char *newline = memchr(reader->buf, '\n', reader->end);
        size_t raw = newline ? (size_t)(newline - reader->buf) + 1 : 0;
        if (raw > LINE_LIMIT || (!newline && reader->end > LINE_LIMIT))
            return TOO_LONG;

        ssize_t n = 1;
        if (!newline) {
            if (!wait_for(reader->fd, other))
                return BROKEN;
            n = read(reader->fd, reader->buf + reader->end,
                     sizeof(reader->buf) - reader->end);
        }
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return BROKEN;
        if (!newline && n > 0) {
            reader->end += (size_t)n;
            continue;
        }

        if (n == 0)
            raw = reader->end;
        memcpy(line, reader->buf, raw);
        len = newline ? raw - 1 : raw;
        if (newline && len > 0 && line[len - 1] == '\r')
            len--;
        reader->end -= raw;
        memmove(reader->buf, reader->buf + raw, reader->end);
        return raw > 0 ? LINE : END;
    }
}

/* Drops a line that is too long: its newline may be still to come. */
static void drop(struct reader *reader)
{
    char *newline;

    while (!(newline = memchr(reader->buf, '\n', reader->end))) {
        ssize_t n = read(reader->fd, reader->buf, sizeof(reader->buf));
        reader->end = n > 0 ? (size_t)n : 0;
        if (n <= 0)
            return;
    }
    reader->end -= (size_t)(newline - reader->buf) + 1;
    memmove(reader->buf, newline + 1, reader->end);
}

bool say(struct chat *chat, const char *text, size_t count)
{
    char message[LINE_LIMIT];

    memcpy(message, text, count);
    message[count++] = '\n';
    for (size_t sent = 0; sent < count;) {
        ssize_t n = send(chat->heard.fd, message + sent, count - sent, 0);
        if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
            return gone(chat);
        if (n == -1 && errno != EINTR)
            err(1, "send");
        if (n > 0)
            sent += (size_t)n;
    }
    return count != 4 || memcmp(text, "bye", 3) != 0;
}

bool hear(struct chat *chat)
{
    enum result result = get(&chat->heard, -1);

    if (result == TOO_LONG)
        errx(1, "line too long");
    if (result == BROKEN && errno != ECONNRESET && errno != EPIPE)
        err(1, "read");
    if (result != LINE || is_bye())
        return gone(chat);
    printf("From %s: ", chat->peer);
    fwrite(line, 1, len, stdout);
    putchar('\n');
    return true;
}

bool speak(struct chat *chat)
{
    enum result result;

    while ((result = get(&chat->typed, chat->heard.fd)) == TOO_LONG ||
           (result == LINE && len == LINE_LIMIT)) {
        warnx("line too long, not sent");
        if (result == TOO_LONG)
            drop(&chat->typed);
    }
    if (result == BROKEN && errno == ECONNRESET)
        return gone(chat);
    if (result == BROKEN)
        err(1, "read stdin");
    return result == END ? say(chat, "bye", 3) : say(chat, line, len);
}
