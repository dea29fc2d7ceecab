/* SPDX-License-Identifier: MIT */
#include "workers.h"

#include "internal.h"

#include "base/cond.h"

#include <errno.h>
#include <poll.h>

#define LOOK_US USEC_MS
#define LOOKS_TO_REST 10u /* without a request: then the lookout sleeps until there is one */

/* How many of so many looks must have found a request waiting for one worker more to take them,
   and how many at most for one less. */
#define LOOKS_TO_JUDGE 32u
#define LOOKS_TO_GROW 30u
#define LOOKS_TO_SHRINK 16u

/* What a worker does, in the lowest bits of its count of requests: a request can thus be told from
   the next one. */
enum {
    WAITS = 0,     /* for a request; or for an office */
    WORKS = 1,     /* on a request */
    OVERTAKEN = 2, /* on a request, while another one has its office */
    DOES = 3,      /* the bits */
    NEXT = 4,      /* one request */
};

struct worker {
    struct workers *set;
    pthread_t thread;
    struct fuse_buf buffer;
    atomic_uint count;
    unsigned seen; /* what the lookout saw last; under the lock */
};

struct workers {
    struct fs *fs;
    struct worker items[FS_THREADS_MAX];
    unsigned n, n_started;
    atomic_bool watched;   /* the lookout is awake */
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t asked;  /* for the lookout: there are requests again */
    pthread_cond_t vacant; /* for the others: an office */
    unsigned taking;       /* workers that take requests and are not overtaken */
    unsigned wanted;       /* how many should */
    unsigned idle;         /* workers that have nothing to do, the lookout with them */
    bool lookout;          /* there is one */
    bool ended;
    unsigned looks, waiting, quiet; /* counted: looks, those that found requests waiting; looks
                                       since the last request */
};

int workers_new(struct fs *fs, unsigned n, struct workers **ret) {
    struct workers *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return -ENOMEM;
    ws->fs = fs;
    ws->n = n < FS_THREADS_MAX ? n : FS_THREADS_MAX;
    ws->wanted = 1;
    (void)pthread_mutex_init(&ws->lock, NULL);
    (void)pthread_cond_init(&ws->vacant, NULL);
    int r = cond_init(&ws->asked);
    if (r < 0) {
        workers_free(ws);
        return r;
    }
    *ret = ws;
    return 0;
}

/* Taking requests */

/* A worker can only be cancelled while it waits for a request. */
static int receive(struct worker *me) {
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    int n = fuse_session_receive_buf(me->set->fs->session, &me->buffer);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return n;
}

static void wake_lookout(struct workers *ws) {
    LOCK_SCOPE(&ws->lock);
    atomic_store(&ws->watched, true);
    ws->quiet = 0;
    (void)pthread_cond_signal(&ws->asked);
}

/* True when it still has its office afterwards. */
static bool process(struct worker *me) {
    struct workers *ws = me->set;
    unsigned count = atomic_load(&me->count) + WORKS;
    atomic_store(&me->count, count); /* before asking whether somebody watches: see rest() */
    if (!atomic_load(&ws->watched))
        wake_lookout(ws);
    fuse_session_process_buf(ws->fs->session, &me->buffer);
    unsigned next = (count & ~(unsigned)DOES) + NEXT;
    if (atomic_compare_exchange_strong(&me->count, &count, next))
        return true;
    atomic_store(&me->count, next);
    return false;
}

static void end(struct workers *ws) {
    LOCK_SCOPE(&ws->lock);
    ws->ended = true;
    (void)pthread_cond_broadcast(&ws->asked);
    (void)pthread_cond_broadcast(&ws->vacant);
}

/* Until it is overtaken, or all is over. */
static void take_requests(struct worker *me) {
    struct fs *fs = me->set->fs;
    bool mine = true;
    while (mine && !fuse_session_exited(fs->session)) {
        int n = receive(me);
        if (n > 0)
            mine = process(me);
        else if (n != -EINTR)
            break;
    }
    if (mine)
        end(me->set);
}

/* The lookout; all of it under the lock */

/* Takes the office of a worker that is at work. */
static bool overtake(struct workers *ws, struct worker *w, unsigned count) {
    unsigned overtaken = (count & ~(unsigned)DOES) + OVERTAKEN;
    if ((count & DOES) != WORKS || !atomic_compare_exchange_strong(&w->count, &count, overtaken))
        return false;
    ws->taking--;
    return true;
}

/* Looks at all workers. Those that are one too many lose their office, and of those that work on
   one request since the last look the first one. */
static void look_at_workers(struct workers *ws) {
    bool moved = false;
    for (unsigned i = 0; i < ws->n_started; i++) {
        struct worker *w = &ws->items[i];
        unsigned count = atomic_load(&w->count);
        moved = moved || count != w->seen || (count & DOES) == WORKS;
        if (ws->taking > ws->wanted || (count == w->seen && ws->taking == ws->wanted))
            (void)overtake(ws, w, count);
        w->seen = count;
    }
    ws->quiet = moved ? 0 : ws->quiet + 1;
}

/* Looks whether requests wait, and judges after a number of looks. */
static void look_at_requests(struct workers *ws) {
    struct pollfd kernel = {.fd = fuse_session_fd(ws->fs->session), .events = POLLIN};
    ws->waiting += poll(&kernel, 1, 0) > 0;
    if (++ws->looks < LOOKS_TO_JUDGE)
        return;
    if (ws->waiting >= LOOKS_TO_GROW && ws->wanted + 1 < ws->n_started)
        ws->wanted++;
    else if (ws->waiting <= LOOKS_TO_SHRINK && ws->wanted > 1)
        ws->wanted--;
    ws->looks = ws->waiting = 0;
}

/* Sleeps until the next look; when there was no request for some time, until there is one. */
static void rest(struct workers *ws) {
    usec_t until = usec_add(clock_monotonic(&clock_real), LOOK_US);
    if (ws->quiet >= LOOKS_TO_REST) {
        atomic_store(&ws->watched, false);
        until = USEC_NEVER;
        for (unsigned i = 0; i < ws->n_started; i++) /* one that has not seen it yet */
            if (atomic_load(&ws->items[i].count) != ws->items[i].seen)
                until = 0;
    }
    if (until)
        cond_wait_until(&ws->asked, &ws->lock, until);
    atomic_store(&ws->watched, true);
}

/* Returns when an office to take requests is vacant. */
static void look_out(struct workers *ws) {
    ws->lookout = true;
    while (!ws->ended && ws->taking >= ws->wanted) {
        rest(ws);
        look_at_workers(ws);
        look_at_requests(ws);
    }
    ws->lookout = false;
    (void)pthread_cond_signal(&ws->vacant);
}

/* Waits until this worker is to take requests. False when all is over. */
static bool wait_for_office(struct workers *ws) {
    LOCK_SCOPE(&ws->lock);
    ws->idle++;
    while (!ws->ended && ws->taking >= ws->wanted)
        if (ws->lookout)
            (void)pthread_cond_wait(&ws->vacant, &ws->lock);
        else
            look_out(ws);
    ws->idle--;
    ws->taking += !ws->ended;
    return !ws->ended;
}

/* The worker that this thread is, or NULL. */
static struct worker *self(struct workers *ws) {
    for (unsigned i = 0; i < ws->n_started; i++)
        if (pthread_equal(ws->items[i].thread, pthread_self()))
            return &ws->items[i];
    return NULL;
}

void workers_hand_over(struct workers *ws) {
    LOCK_SCOPE(&ws->lock);
    struct worker *me = self(ws);
    if (!me || !ws->idle || !overtake(ws, me, atomic_load(&me->count)))
        return;
    (void)pthread_cond_signal(ws->lookout ? &ws->asked : &ws->vacant);
}

/* The threads */

static void free_buffer(void *arg) {
    free(((struct fuse_buf *)arg)->mem);
}

static void *work(void *arg) {
    struct worker *me = arg;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_push(free_buffer, &me->buffer);
    while (wait_for_office(me->set))
        take_requests(me);
    fs_end(me->set->fs);
    pthread_cleanup_pop(1);
    return NULL;
}

int workers_start(struct workers *ws) {
    LOCK_SCOPE(&ws->lock);
    int r = 0;
    for (unsigned i = 0; i < ws->n && r == 0; i++) {
        ws->items[i].set = ws;
        r = -pthread_create(&ws->items[i].thread, NULL, work, &ws->items[i]);
        ws->n_started += r == 0;
    }
    return ws->n_started ? 0 : r;
}

void workers_stop(struct workers *ws) {
    end(ws);
    for (unsigned i = 0; i < ws->n_started; i++)
        (void)pthread_cancel(ws->items[i].thread);
    for (unsigned i = 0; i < ws->n_started; i++)
        (void)pthread_join(ws->items[i].thread, NULL);
    ws->n_started = 0;
}

void workers_free(struct workers *ws) {
    if (!ws)
        return;
    workers_stop(ws);
    (void)pthread_cond_destroy(&ws->asked);
    (void)pthread_cond_destroy(&ws->vacant);
    (void)pthread_mutex_destroy(&ws->lock);
    free(ws);
}
