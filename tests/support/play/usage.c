#include "usage.h"

#include <sys/stat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024 }; /* that are looked at */

long long cpu_ms(pid_t pid)
{
#if defined(_POSIX_CPUTIME) && _POSIX_CPUTIME >= 0
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
        return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
#endif
    (void)pid;
    return -1;
}

static void count_descriptors(pid_t pid, struct usage *usage)
{
    char path[64];
    struct stat info;

    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid, fd);
        if (lstat(path, &info) == -1)
            continue;
        usage->descriptors++;
        if (usage->free_descriptor == fd)
            usage->free_descriptor++;
    }
}

/* Looks at one process: if it is in the group of pid, its threads count. */
static void count_tasks(const char *process, pid_t pid, struct usage *usage)
{
    char path[64], stat[512];
    snprintf(path, sizeof(path), "/proc/%.20s/stat", process);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(stat, 1, sizeof(stat) - 1, file) : 0;

    if (file)
        fclose(file);
    stat[n] = '\0';
    const char *state = strrchr(stat, ')'); /* behind the program's name */
    long group, threads;
    unsigned long bytes;
    if (state == NULL ||
        sscanf(state,
               ") %*c %*d %ld %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
               "%*d %*d %ld %*d %*u %lu",
               &group, &threads, &bytes) != 3 ||
        group != pid)
        return;
    usage->tasks += (int)threads;
    if (strtol(process, NULL, 10) == pid)
        usage->mb = (long)(bytes >> 20);
}

struct usage usage_of(pid_t pid)
{
    struct usage usage = {0};
    DIR *processes = opendir("/proc");

    count_descriptors(pid, &usage);
    for (struct dirent *entry; processes && (entry = readdir(processes));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count_tasks(entry->d_name, pid, &usage);
    if (processes)
        closedir(processes);
    return usage;
}
