/* A picture: lifelines from left to right, and what happens in each row. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdbool.h>
#include <stddef.h>

enum { COLUMNS_MAX = 64, ROW_TEXT = 816 };

/* How something looks. */
enum look { BLANK, TEXT, NAME, FAILED, LABEL, ARROW, LIFELINE };

struct row {
    int column; /* whose row it is */
    char text[ROW_TEXT];
    enum look look;
    int to;                   /* the column of the arrow's head, or -1 */
    const char *label;        /* of the arrow, or NULL */
    long times;               /* that the same was seen */
    char again[24];           /* the same in words, if it was more than once */
    char states[COLUMNS_MAX]; /* by column: ' ' none, '|' runs, ':' waits */
};

struct picture {
    const char *title; /* NULL: none, but an SVG has one */
    const char *names[COLUMNS_MAX];
    int count; /* of columns */
    struct row *rows;
    size_t row_count;
    const char *note; /* what it does not show, or NULL */
};

/* Prints the picture with letters, in so many columns if it can be, or as SVG
   1.1, as wide as it has to be. */
void print_picture(const struct picture *picture, int width, bool ascii,
                   bool svg);

#endif
