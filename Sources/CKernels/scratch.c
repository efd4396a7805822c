// Scratch memory of each thread: grows to the largest request and is reused, so that the steady state allocates
// nothing; freed when the thread ends.
#include "kernels.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUFFERS = 2 };

typedef struct {
  float *memory;
  int64_t capacity;
} scratch_buffer;

static _Thread_local scratch_buffer buffers[BUFFERS];
static pthread_key_t buffer_keys[BUFFERS];
static pthread_once_t buffer_once = PTHREAD_ONCE_INIT;

static void make_keys(void) {
  for (int number = 0; number < BUFFERS; number++) pthread_key_create(&buffer_keys[number], free);
}

static float *scratch(int number, int64_t count) {
  scratch_buffer *buffer = &buffers[number];
  if (count <= buffer->capacity) return buffer->memory;
  pthread_once(&buffer_once, make_keys);
  int64_t capacity = (count + count / 4 + 1023) / 1024 * 1024;
  float *memory = aligned_alloc(64, (size_t)capacity * sizeof(float));
  if (!memory) abort();
  free(buffer->memory);
  *buffer = (scratch_buffer){memory, capacity};
  // The key's destructor frees the memory when this thread ends.
  pthread_setspecific(buffer_keys[number], memory);
  return memory;
}

float *ck_scratch(int64_t count) { return scratch(0, count); }
float *ck_second_scratch(int64_t count) { return scratch(1, count); }
