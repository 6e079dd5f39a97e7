/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * engine.h - what several engines need: join a cgroup, share memory with children,
 * read the clock, take a median, draw random numbers. Failures end the program with status 3.
 */
#pragma once

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* join - move this process into the cgroup at that path */
static inline void join(const char *cgroup)
{
	char path[4200];
	int file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, "0", 1) != 1)
		err(3, "%s", path);
	close(file);
}

/* shared_alloc - return zeroed memory that forked children share with their parent */
static inline void *shared_alloc(size_t size)
{
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		err(3, "mmap");
	return at;
}

/* loopback - return 127.0.0.1 with the port that the text says */
static inline struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				     .sin_port = htons((uint16_t)atoi(port)) };
}

/* now_ns - return the monotonic clock in nanoseconds */
static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* median - sort the numbers and return the middle one */
static inline double median(double *of, int count)
{
	qsort(of, (size_t)count, sizeof(*of), compare_doubles);
	return of[count / 2];
}

/* random_part - return x * n / 2^64: a number below n, which is at most 2^32 */
static inline uint32_t random_part(uint64_t x, uint64_t n)
{
	return (uint32_t)(((x >> 32) * n + ((x & 0xffffffff) * n >> 32)) >> 32);
}

/* random_mix - spread each bit of x over all bits (the finalizer of splitmix64) */
static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* random_next - return the next random number after *state: the same seed, the same numbers */
static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += 0x9e3779b97f4a7c15);
}
