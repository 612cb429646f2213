/* TRACE: what a program prints, when it hands it to stdio, which may write it
   later. */
#undef _POSIX_C_SOURCE /* it hides RTLD_NEXT on BSD */
#undef _FORTIFY_SOURCE /* its headers define some of these functions, too */
#define _GNU_SOURCE    /* RTLD_NEXT */
#include "preload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef putc /* on BSD these are macros, too */
#undef putchar

/* Notes whole lines. */
static void print(FILE *file, const char *bytes, size_t len)
{
    static _Thread_local char line[256];
    static _Thread_local size_t used;

    if (file != stdout || !is_tracing())
        return;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n' || used == sizeof(line)) {
            note_print(line, used);
            used = 0;
        }
        if (bytes[i] != '\n')
            line[used++] = bytes[i];
    }
}

static int print_formatted(FILE *file, const char *format, va_list arguments)
{
    char text[1024] = "";
    va_list copy;

    NEXT(vfprintf);
    va_copy(copy, arguments);
    vsnprintf(text, sizeof(text), format, copy);
    va_end(copy);
    print(file, text, strlen(text));
    return next(file, format, arguments);
}

int vfprintf(FILE *restrict file, const char *restrict format,
             va_list arguments)
{
    return print_formatted(file, format, arguments);
}

/* clang's sanitizers call it in place of printf. */
int vprintf(const char *restrict format, va_list arguments)
{
    return print_formatted(stdout, format, arguments);
}

#define FORMATTED(call, parameters, file)                                      \
    int call parameters                                                        \
    {                                                                          \
        va_list arguments;                                                     \
        va_start(arguments, format);                                           \
        int result = print_formatted(file, format, arguments);                 \
        va_end(arguments);                                                     \
        return result;                                                         \
    }

FORMATTED(printf, (const char *restrict format, ...), stdout)
FORMATTED(fprintf, (FILE *restrict file, const char *restrict format, ...),
          file)
#ifdef __GLIBC__ /* what fortified programs call instead */
#define FLAG __attribute__((unused)) int flag
FORMATTED(__printf_chk, (FLAG, const char *restrict format, ...), stdout)
int __vprintf_chk(FLAG, const char *restrict format, va_list arguments)
{
    return print_formatted(stdout, format, arguments);
}

int __vfprintf_chk(FILE *restrict file, FLAG, const char *restrict format,
                   va_list arguments)
{
    return print_formatted(file, format, arguments);
}

FORMATTED(__fprintf_chk,
          (FILE *restrict file, FLAG, const char *restrict format, ...), file)
#endif

#define PRINTED(type, call, parameters, arguments, file, bytes, len)           \
    type call parameters                                                       \
    {                                                                          \
        NEXT(call);                                                            \
        print(file, bytes, len);                                               \
        return next arguments;                                                 \
    }

PRINTED(int, fputs, (const char *restrict text, FILE *restrict file),
        (text, file), file, text, strlen(text))
PRINTED(size_t, fwrite,
        (const void *restrict bytes, size_t size, size_t count,
         FILE *restrict file),
        (bytes, size, count, file), file, bytes, size *count)
PRINTED(int, putchar, (int c), (c), stdout, &(char){(char)c}, 1)
PRINTED(int, fputc, (int c, FILE *file), (c, file), file, &(char){(char)c}, 1)
PRINTED(int, putc, (int c, FILE *file), (c, file), file, &(char){(char)c}, 1)

int puts(const char *text)
{
    NEXT(puts);
    print(stdout, text, strlen(text));
    print(stdout, "\n", 1);
    return next(text);
}
