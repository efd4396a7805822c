// Fork-join over a fixed set of threads.
//
// Workers join a run by registering in `state`, and only while it is open; the caller closes it once the tasks are
// handed out and waits for the registered workers alone. So a worker that sleeps, or that an oversubscribed machine
// does not schedule, is never waited for.
#include "ckernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM_THREADS = 64 };
/// How long a thread spins before it sleeps: longer than the pauses between the kernels of one training step.
static const int64_t SPIN_NANOSECONDS = 50000;

/// `state`: generation of the run in the upper half, then one bit "open", then the number of registered workers.
static const uint64_t OPEN = 1u << 16, ACTIVE_MASK = (1u << 16) - 1;

/// Tasks from `next` to `end` that nobody has taken, on a cache line of their own.
typedef struct {
  _Alignas(64) _Atomic int64_t next;
  int64_t end;
} task_share;

struct ck_pool {
  int32_t threads;
  int64_t spin_nanoseconds;
  pthread_t workers[MAXIMUM_THREADS];

  // The run: written by the caller before `state` opens, read by registered workers only.
  ck_task body;
  void *context;
  int32_t shares;  ///< parts that the tasks are cut into: one per thread, or one for all
  task_share share[MAXIMUM_THREADS];

  _Alignas(64) _Atomic uint64_t state;
  _Alignas(64) _Atomic int32_t sleeping_workers;
  _Atomic int32_t caller_sleeps;
  _Atomic int32_t stopping;
  pthread_mutex_t mutex;
  pthread_cond_t work_available, workers_done;
};

typedef struct {
  ck_pool *pool;
  int32_t number;
} worker_start;

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t generation(uint64_t state) { return state >> 32; }

/// The thread's own share first, then what others have left.
static void take_tasks(ck_pool *pool, int32_t worker) {
  for (int32_t i = 0; i < pool->shares; i++) {
    task_share *share = &pool->share[(worker + i) % pool->shares];
    for (;;) {
      int64_t task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
      if (task >= share->end) break;
      pool->body(pool->context, task, worker);
    }
  }
}

static int has_news(ck_pool *pool, uint64_t seen) {
  uint64_t state = atomic_load(&pool->state);
  return ((state & OPEN) && generation(state) != seen) || atomic_load(&pool->stopping);
}

/// Returns when a run this worker has not seen is open, or when the pool stops.
static void await_news(ck_pool *pool, uint64_t seen) {
  if (pool->spin_nanoseconds > 0) {
    int64_t deadline = nanoseconds() + pool->spin_nanoseconds;
    do {
      for (int i = 0; i < 64; i++) {
        if (has_news(pool, seen)) return;
        pause_briefly();
      }
    } while (nanoseconds() < deadline);
  }
  pthread_mutex_lock(&pool->mutex);
  // Announce first, then look again: the caller opens first, then looks for sleepers.
  atomic_fetch_add(&pool->sleeping_workers, 1);
  while (!has_news(pool, seen)) pthread_cond_wait(&pool->work_available, &pool->mutex);
  atomic_fetch_sub(&pool->sleeping_workers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
  worker_start start = *(worker_start *)argument;
  free(argument);
  ck_pool *pool = start.pool;
  uint64_t seen = 0;
  while (!atomic_load(&pool->stopping)) {
    await_news(pool, seen);
    uint64_t state = atomic_load(&pool->state);
    int registered = 0;
    while (!registered && (state & OPEN) && generation(state) != seen)
      registered = atomic_compare_exchange_weak(&pool->state, &state, state + 1);
    if (!registered) continue;
    seen = generation(state);
    take_tasks(pool, start.number);
    state = atomic_fetch_sub(&pool->state, 1) - 1;
    if ((state & ACTIVE_MASK) == 0 && !(state & OPEN) && atomic_load(&pool->caller_sleeps)) {
      pthread_mutex_lock(&pool->mutex);
      pthread_cond_signal(&pool->workers_done);
      pthread_mutex_unlock(&pool->mutex);
    }
  }
  return NULL;
}

static int workers_busy(ck_pool *pool) { return (atomic_load(&pool->state) & ACTIVE_MASK) != 0; }

static void await_workers(ck_pool *pool) {
  if (!workers_busy(pool)) return;
  int64_t deadline = nanoseconds() + SPIN_NANOSECONDS;
  do {
    for (int i = 0; i < 64; i++) {
      if (!workers_busy(pool)) return;
      pause_briefly();
    }
  } while (nanoseconds() < deadline);
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->caller_sleeps, 1);
  while (workers_busy(pool)) pthread_cond_wait(&pool->workers_done, &pool->mutex);
  atomic_store(&pool->caller_sleeps, 0);
  pthread_mutex_unlock(&pool->mutex);
}

static void run_in_shares(ck_pool *pool, int32_t shares, int64_t tasks, ck_task body, void *context) {
  if (!pool || pool->threads == 1 || tasks <= 1) {
    for (int64_t task = 0; task < tasks; task++) body(context, task, 0);
    return;
  }
  pool->body = body;
  pool->context = context;
  pool->shares = shares;
  for (int32_t i = 0; i < shares; i++) {
    atomic_store_explicit(&pool->share[i].next, tasks * i / shares, memory_order_relaxed);
    pool->share[i].end = tasks * (i + 1) / shares;
  }
  uint64_t next = (generation(atomic_load(&pool->state)) + 1) & UINT32_MAX;
  atomic_store(&pool->state, next << 32 | OPEN);
  if (atomic_load(&pool->sleeping_workers) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->work_available);
    pthread_mutex_unlock(&pool->mutex);
  }
  take_tasks(pool, 0);
  atomic_fetch_and(&pool->state, ~OPEN);
  await_workers(pool);
}

void ck_pool_run(ck_pool *pool, int64_t tasks, ck_task body, void *context) {
  run_in_shares(pool, pool ? pool->threads : 1, tasks, body, context);
}

void ck_pool_run_in_order(ck_pool *pool, int64_t tasks, ck_task body, void *context) {
  run_in_shares(pool, 1, tasks, body, context);
}

int32_t ck_pool_threads(const ck_pool *pool) { return pool ? pool->threads : 1; }

void ck_pool_destroy(ck_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->stopping, 1);
  pthread_cond_broadcast(&pool->work_available);
  pthread_mutex_unlock(&pool->mutex);
  for (int32_t worker = 1; worker < pool->threads; worker++) pthread_join(pool->workers[worker], NULL);
  pthread_cond_destroy(&pool->workers_done);
  pthread_cond_destroy(&pool->work_available);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

ck_pool *ck_pool_create(int32_t threads) {
  if (threads < 1 || threads > MAXIMUM_THREADS) return NULL;
  ck_pool *pool = aligned_alloc(64, (sizeof(ck_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (ck_pool){.threads = 1};
  // With more threads than processors a spinning thread only takes time from a working one.
  pool->spin_nanoseconds = threads <= sysconf(_SC_NPROCESSORS_ONLN) ? SPIN_NANOSECONDS : 0;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work_available, NULL);
  pthread_cond_init(&pool->workers_done, NULL);
  for (int32_t worker = 1; worker < threads; worker++) {
    worker_start *start = malloc(sizeof *start);
    if (start) *start = (worker_start){pool, worker};
    if (!start || pthread_create(&pool->workers[worker], NULL, worker_main, start) != 0) {
      free(start);
      ck_pool_destroy(pool);
      return NULL;
    }
    pool->threads = worker + 1;
  }
  return pool;
}
