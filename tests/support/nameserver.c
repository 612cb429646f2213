/*
 * A name server that knows just the names in a file, which reads as preload.c
 * explains. For tests, in a network of their own: with-nameserver makes one.
 *
 *     nameserver FILE
 *
 * It listens on 127.0.0.1 port 53, UDP, and answers questions for A and AAAA
 * as RFC 1035 says; EAI_AGAIN and EAI_FAIL become SERVFAIL. An answer has 512
 * bytes at most: addresses that do not fit in are left out.
 */
#ifdef __linux__
#define _DEFAULT_SOURCE /* struct ifreq */
#include <net/if.h>
#include <sys/ioctl.h>
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { HEADER = 12, LABEL_MAX = 63, NAME_LEN = 255, PACKET_MAX = 512 };
enum { TYPE_A = 1, TYPE_AAAA = 28 };
enum { SERVFAIL = 2, NXDOMAIN = 3 };

/* A query, which becomes its answer. */
struct packet {
    unsigned char bytes[PACKET_MAX];
    size_t len;
    char name[NAME_LEN + 1];
    unsigned type;
    long late_ms;
};

/* The loopback interface of a new network namespace is down. */
static void bring_loopback_up(int fd)
{
#ifdef __linux__
    struct ifreq lo = {.ifr_name = "lo"};

    if (ioctl(fd, SIOCGIFFLAGS, &lo) == 0 && !(lo.ifr_flags & IFF_UP)) {
        lo.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &lo) == -1)
            err(1, "bring lo up");
    }
#endif
    (void)fd;
}

/* Reads the question, and cuts off what comes after it. Its name is a row of
   labels, each after its length. Returns false for what is no question. */
static bool read_question(struct packet *packet)
{
    const unsigned char *bytes = packet->bytes;
    size_t at = HEADER, used = 0;

    if (packet->len <= HEADER || (bytes[2] & 0xf8) != 0 || bytes[4] != 0 ||
        bytes[5] != 1)
        return false; /* too short, an answer, no QUERY, or not one question */
    while (at < packet->len && bytes[at] != 0) {
        size_t end = at + 1 + bytes[at];
        if (bytes[at] > LABEL_MAX || end - HEADER >= NAME_LEN ||
            end >= packet->len)
            return false;
        if (used > 0)
            packet->name[used++] = '.';
        while (++at < end) /* with a NUL or a dot in it, it is nobody's name */
            packet->name[used++] =
                bytes[at] && bytes[at] != '.' ? (char)bytes[at] : '#';
    }
    if (at + 5 > packet->len)
        return false;
    packet->name[used] = '\0';
    packet->type = bytes[at + 1] * 256u + bytes[at + 2];
    packet->len = at + 5; /* behind the end of the name, type and class */
    return true;
}

static void add_address(struct packet *packet, const void *address, size_t size)
{
    /* The name is the one after the header; class IN; to keep for 0 s. */
    const unsigned char head[] = {
        0xc0, HEADER, 0, (unsigned char)packet->type, 0, 1, 0, 0,
        0,    0,      0, (unsigned char)size,
    };

    if (packet->len + sizeof(head) + size > sizeof(packet->bytes))
        return;
    memcpy(packet->bytes + packet->len, head, sizeof(head));
    memcpy(packet->bytes + packet->len + sizeof(head), address, size);
    packet->len += sizeof(head) + size;
    packet->bytes[7]++; /* the number of answers */
}

/* Does what one line says of the name. Returns the code of the answer. */
static int obey(struct packet *packet, const char *meaning)
{
    unsigned char address[16];

    if (meaning[0] == '+')
        packet->late_ms += strtol(meaning, NULL, 10);
    if (meaning[0] == '+' || strcmp(meaning, "EAI_NONAME") == 0)
        return NXDOMAIN;
    if (strncmp(meaning, "EAI_", strlen("EAI_")) == 0)
        return SERVFAIL;
    if (inet_pton(AF_INET, meaning, address) == 1 && packet->type == TYPE_A)
        add_address(packet, address, 4);
    if (inet_pton(AF_INET6, meaning, address) == 1 && packet->type == TYPE_AAAA)
        add_address(packet, address, 16);
    return 0;
}

static int look_up(struct packet *packet, const char *path)
{
    static const char blanks[] = " \t\r\n";
    FILE *file = fopen(path, "r");
    char line[1024], *rest;
    int code = file ? NXDOMAIN : SERVFAIL;

    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "#")] = '\0';
        char *meaning = strtok_r(line, blanks, &rest), *name = meaning;
        while (name && (name = strtok_r(NULL, blanks, &rest)) != NULL)
            if (strcasecmp(name, packet->name) == 0) {
                int now = obey(packet, meaning);
                if (code == NXDOMAIN || now == SERVFAIL)
                    code = now;
            }
    }
    if (file)
        fclose(file);
    return code;
}

static void make_answer(struct packet *packet, const char *path)
{
    unsigned char *bytes = packet->bytes;

    memset(bytes + 6, 0, 6); /* how many records follow the question */
    int code = look_up(packet, path);
    bytes[2] = (unsigned char)(0x84 | (bytes[2] & 1)); /* QR, AA; RD as it is */
    bytes[3] = (unsigned char)(0x80 | code);           /* RA */
}

int main(int argc, char **argv)
{
    struct sockaddr_in own = {
        .sin_family = AF_INET,
        .sin_port = htons(53),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (argc != 2)
        errx(2, "usage: nameserver FILE");
    bring_loopback_up(fd);
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1)
        err(1, "bind 127.0.0.1 port 53");
    puts("Listening on 127.0.0.1 port 53");
    fflush(stdout);
    signal(SIGCHLD, SIG_IGN); /* no child is waited for */

    for (;;) {
        struct packet packet = {0};
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t n = recvfrom(fd, packet.bytes, sizeof(packet.bytes), 0,
                             (struct sockaddr *)&from, &size);
        packet.len = n == -1 ? 0 : (size_t)n;
        if (!read_question(&packet))
            continue;
        make_answer(&packet, argv[1]);
        /* Who has to wait is served by a process that waits. */
        if (packet.late_ms > 0 && fork() != 0)
            continue;
        poll(NULL, 0, (int)packet.late_ms);
        sendto(fd, packet.bytes, packet.len, 0, (struct sockaddr *)&from, size);
        if (packet.late_ms > 0)
            _exit(0);
    }
}
