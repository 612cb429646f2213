/*
 * What a program uses of the system.
 */
#ifndef USAGE_H
#define USAGE_H

#include <sys/types.h>

struct usage {
    int descriptors, free_descriptor; /* how many; the lowest that is free */
    int tasks; /* threads and processes of its group, zombies too */
    long mb;   /* of address space: of the process */
};

/* From /proc, proc(5). All is 0 where there is none. */
struct usage usage_of(pid_t pid);

/* The processor time that a process has used, in milliseconds; -1 where it
   cannot be told. */
long long cpu_ms(pid_t pid);

#endif
