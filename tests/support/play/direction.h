/*
 * The stage directions of a transcript, in brackets on a line of their own:
 *
 *     (NAME exits STATUS)      (NAME exits STATUS within N seconds)
 *     (NAME ends by itself)    not of a signal
 *     (NAME ends)              (NAME idles)     uses no processor, says nothing
 *     (NAME gets SIGTERM)      (NAME gets SIGINT)
 *     (NAME is paused)         (NAME continues)
 *     (NAME is not heard any more)         its stdout is closed
 *     (NAME runs out of descriptors)       (NAME has descriptors again)
 *     (NAME can open no more)              but may open again what it closes
 *     (NAME is measured)       (NAME has not grown)     since it was measured
 */
#ifndef DIRECTION_H
#define DIRECTION_H

#include "script.h"

/* Does what the line says; a failure is reported and ends the play. */
void direct(const struct line *line);

#endif
