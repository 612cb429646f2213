#include "cli.h"

#include <assert.h>
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MAX = 8 };

/* What a program tells of itself. */
struct usage {
    const char *operands;
    const char *help;
    uint16_t port; /* the one it takes when none is given */
    const struct cli_option *options;
};

static void print_usage(FILE *out, const struct usage *usage)
{
    fprintf(out, "usage: %s%s", usage->operands, usage->help);
    for (const struct cli_option *o = usage->options; o && o->letter; o++)
        fprintf(out, "  -%c       %s\n", o->letter, o->help);
    fputs("  -h       print this text\n", out);
    fprintf(out, "Without operands: 127.0.0.1 port %u.\n", usage->port);
}

static _Noreturn void wrong_usage(const struct usage *usage)
{
    print_usage(stderr, usage);
    exit(2);
}

/* Sets the options that are given, and leaves optind at the operands. */
static void read_options(int argc, char **argv, const struct usage *usage)
{
    char letters[OPTIONS_MAX + 2] = "h";
    for (const struct cli_option *o = usage->options; o && o->letter; o++) {
        assert(strlen(letters) <= OPTIONS_MAX);
        strncat(letters, &o->letter, 1);
    }

    int most_operands = 2;
    int letter;
    while ((letter = getopt(argc, argv, letters)) != -1) {
        if (letter == 'h') {
            print_usage(stdout, usage);
            exit(0);
        }
        if (letter == '?')
            wrong_usage(usage);
        const struct cli_option *o = usage->options;
        while (o->letter != letter)
            o++;
        *o->given = true;
        if (o->alone)
            most_operands = 0;
    }
    if (argc - optind > most_operands)
        wrong_usage(usage);
}

/* strtol(3) takes " 80", "+80" and "80x" as well, so look at each digit. */
static uint16_t read_port(const char *text, long lowest)
{
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);

    if (digits == 0 || text[digits] != '\0' || port < lowest || port > 65535)
        errx(2, "invalid port '%s'", text);
    return (uint16_t)port;
}

/* Output that a full disk or a closed pipe swallowed is a failure. */
static void check_stdout(void)
{
    if (fflush(stdout) == EOF || ferror(stdout)) {
        warn("stdout");
        _exit(1);
    }
}

static void start(int argc, char **argv, const struct usage *usage)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(check_stdout);
    read_options(argc, argv, usage);
}

struct cli cli_server(int argc, char **argv, uint16_t port,
                      const struct cli_option *options)
{
    const struct usage usage = {
        .operands = "server [OPTIONS] [PORT [ADDRESS]]\n",
        .help = "  PORT     the port to listen on, 0 to 65535 (0: any free)\n"
                "  ADDRESS  the address to listen on; 0.0.0.0 is all of them\n",
        .port = port,
        .options = options,
    };
    start(argc, argv, &usage);

    struct cli cli = {.host = "127.0.0.1", .port = port};
    if (argc > optind)
        cli.port = read_port(argv[optind], 0);
    if (argc > optind + 1)
        cli.host = argv[optind + 1];
    return cli;
}

/* Reads the command line of a client. A port that is a name stays text. */
static struct cli read_client(int argc, char **argv, const struct usage *usage,
                              bool names)
{
    static char service[sizeof("65535")];

    start(argc, argv, usage);
    struct cli cli = {.host = "127.0.0.1", .port = usage->port};
    if (argc > optind)
        cli.host = argv[optind];
    if (argc > optind + 1) {
        cli.service = argv[optind + 1];
        if (names && isalnum((unsigned char)*cli.service) &&
            cli.service[strspn(cli.service, "0123456789")])
            return cli;
        cli.port = read_port(cli.service, 1);
    }
    snprintf(service, sizeof(service), "%u", cli.port);
    cli.service = service;
    return cli;
}

struct cli cli_client(int argc, char **argv, uint16_t port,
                      const struct cli_option *options)
{
    const struct usage usage = {
        .operands = "client [OPTIONS] [HOST [PORT]]\n",
        .help = "  HOST     where the server is\n"
                "  PORT     the port it listens on, 1 to 65535\n",
        .port = port,
        .options = options,
    };
    return read_client(argc, argv, &usage, false);
}

struct cli cli_client_by_name(int argc, char **argv, uint16_t port,
                              const struct cli_option *options)
{
    const struct usage usage = {
        .operands = "client [OPTIONS] [HOST [PORT]]\n",
        .help = "  HOST     where the server is: a name or an address\n"
                "  PORT     the port it listens on, or the service's name\n",
        .port = port,
        .options = options,
    };
    return read_client(argc, argv, &usage, true);
}

/* Fills `line` with the answer, without its line end. */
static const char *ask(const char *question, char *line, int size)
{
    fputs(question, stdout);
    fflush(stdout);
    if (fgets(line, size, stdin) == NULL)
        errx(1, "end of input where an answer was expected");
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

void cli_ask(struct cli *cli)
{
    static char host[256]; /* stays after the return, as argv does */
    char port[16];

    cli->host = ask("Enter server address: ", host, sizeof(host));
    cli->port = read_port(ask("Enter server port: ", port, sizeof(port)), 1);
}

void cli_todo(const char *file, int line, int step, ...)
{
    errx(3, "step %d is still to be done: TODO %d in %s:%d", step, step, file,
         line);
}
