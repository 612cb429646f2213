/*
 * One byte for each read, straight into the line: then nothing is ever waiting,
 * and no byte of the next line is taken too early. A line is written in three
 * pieces, and no reader can tell.
 */
#include "chat.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char line[LINE_LIMIT];
static size_t len;

enum result { END, LINE, TOO_LONG, BROKEN };

/* Reads a line; of one that is too long the rest as well, if it is wanted. */
static enum result get(int fd, bool drop_rest)
{
    size_t raw = 0;
    char c;

    for (;;) {
        ssize_t n = read(fd, &c, 1);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return BROKEN;
        if (n == 0 && raw == 0)
            return END;
        if (n == 1 && ++raw > LINE_LIMIT && !drop_rest)
            return TOO_LONG;
        if (n == 0 || c == '\n')
            break;
        if (raw <= LINE_LIMIT)
            line[raw - 1] = c;
    }
    if (raw > LINE_LIMIT)
        return TOO_LONG;
    len = c == '\n' ? raw - 1 : raw;
    if (c == '\n' && len > 0 && line[len - 1] == '\r')
        len--;
    return LINE;
}

static bool put(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n == -1 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            count -= (size_t)n;
        }
    }
    return true;
}

static bool gone(const struct chat *chat)
{
    printf("%s disconnected....\n", chat->peer);
    return false;
}

bool say(struct chat *chat, const char *text, size_t count)
{
    int conn = chat->heard.fd;

    if (!put(conn, text, count) || !put(conn, "\n", 1)) {
        if (errno != EPIPE && errno != ECONNRESET)
            err(1, "write");
        return gone(chat);
    }
    return count != 3 || memcmp(text, "bye", 3) != 0;
}

bool hear(struct chat *chat)
{
    enum result result = get(chat->heard.fd, false);

    if (result == TOO_LONG)
        errx(1, "a line of more than %d bytes", LINE_LIMIT);
    if (result == BROKEN && errno != ECONNRESET)
        err(1, "read");
    if (result != LINE || (len == 3 && memcmp(line, "bye", 3) == 0))
        return gone(chat);
    printf("From %s: ", chat->peer);
    fwrite(line, 1, len, stdout);
    puts("");
    return true;
}

bool speak(struct chat *chat)
{
    enum result result;

    while ((result = get(STDIN_FILENO, true)) == TOO_LONG ||
           (result == LINE && len == LINE_LIMIT))
        warnx("this line is too long: type a shorter one");
    if (result == BROKEN)
        err(1, "read stdin");
    return result == END ? say(chat, "bye", 3) : say(chat, line, len);
}
