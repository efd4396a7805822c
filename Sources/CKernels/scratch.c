// Scratch memory of each thread: grows to the largest request and is reused, so that the steady state allocates
// nothing; freed when the thread ends.
#include "kernels.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  float *memory;
  int64_t capacity;
} scratch_buffer;

static _Thread_local scratch_buffer buffer;
static pthread_key_t buffer_key;
static pthread_once_t buffer_once = PTHREAD_ONCE_INIT;

static void make_key(void) { pthread_key_create(&buffer_key, free); }

float *ck_scratch(int64_t count) {
  if (count <= buffer.capacity) return buffer.memory;
  pthread_once(&buffer_once, make_key);
  int64_t capacity = (count + count / 4 + 1023) / 1024 * 1024;
  float *memory = aligned_alloc(64, (size_t)capacity * sizeof(float));
  if (!memory) {
    // A plain end instead of a crash: what a run has stored goes on from there.
    fprintf(stderr, "error: the system gives no memory for %lld more bytes of scratch\n", (long long)capacity * 4);
    exit(1);
  }
  free(buffer.memory);
  buffer = (scratch_buffer){memory, capacity};
  // The key's destructor frees the memory when this thread ends.
  pthread_setspecific(buffer_key, memory);
  return memory;
}
