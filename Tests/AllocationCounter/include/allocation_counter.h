/// Counts the heap allocations of every thread, by standing in for the C library's functions in the test process.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/// Whether allocations are counted here: with glibc and without a sanitizer.
int32_t allocation_counter_is_active(void);
/// Allocations of the calling thread since it started, those that grow or move memory included.
int64_t allocation_counter_count(void);

#endif
