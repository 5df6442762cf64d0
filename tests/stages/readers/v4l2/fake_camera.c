/* A USB camera for tests: loaded before libc, it answers for the device at FAKE_CAMERA.
 *
 * FAKE_CAMERA_LOG    file: each format and rate that is asked for, a line each, in order
 * FAKE_CAMERA_JPEGS  folder with WIDTHxHEIGHT.jpg, the frames in MJPG; frames in YUYV are red
 * FAKE_CAMERA_MOST so many frames come, then FAKE_CAMERA_END: "silent" or "unplugged"
 * FAKE_CAMERA_BAD    every frame with this number is cut off
 * FAKE_CAMERA_CLOCK  "none": frames have no time
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array[0]))
#define BUFFER_BYTES (1 << 22)
#define MOST_BUFFERS 8

struct mode { __u32 format, width, height, rates[3]; };
static const struct mode MODES[] = {
    {V4L2_PIX_FMT_YUYV, 640, 480, {30, 15}},  {V4L2_PIX_FMT_YUYV, 1280, 720, {10}},
    {V4L2_PIX_FMT_MJPEG, 640, 480, {30, 15}}, {V4L2_PIX_FMT_MJPEG, 1280, 720, {60, 30}},
    {V4L2_PIX_FMT_MJPEG, 1920, 1080, {30, 15}}, {V4L2_PIX_FMT_H264, 1920, 1080, {30}},
};
static const __u32 FORMATS[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_H264};

static const struct mode *current = &MODES[0];
static __u32 rate = 30;
static int fds[64], fd_count;
static int queue[MOST_BUFFERS], queued;
static long frame;

static const char *setting(const char *name) { const char *v = getenv(name); return v ? v : ""; }

static void note(const char *what, __u32 a, __u32 b, __u32 c) {
    FILE *file = fopen(setting("FAKE_CAMERA_LOG"), "a");
    if (!file) return;
    if (c) fprintf(file, "%s %.4s %ux%u\n", what, (const char *)&a, b, c);
    else fprintf(file, "%s %u\n", what, a);
    fclose(file);
}

static int is_ours(int fd) {
    for (int i = 0; i < fd_count; i++) if (fds[i] == fd) return 1;
    return 0;
}

static int open_camera(void) {
    int fd = memfd_create("camera", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)MOST_BUFFERS * BUFFER_BYTES)) return -1;
    if (!is_ours(fd)) fds[fd_count++] = fd;
    return fd;
}

static const struct mode *find(__u32 format, __u32 width, __u32 height) {
    const struct mode *first = 0;
    for (size_t i = 0; i < COUNT(MODES); i++) {
        if (MODES[i].format != format) continue;
        if (!first) first = &MODES[i];
        if (MODES[i].width == width && MODES[i].height == height) return &MODES[i];
    }
    return first ? first : &MODES[0];
}

static void tell(struct v4l2_format *f) {
    f->fmt.pix = (struct v4l2_pix_format){
        .width = current->width, .height = current->height, .pixelformat = current->format,
        .field = V4L2_FIELD_NONE, .bytesperline = current->width * 2, .sizeimage = BUFFER_BYTES};
}

static void set_rate(struct v4l2_streamparm *p) {
    __u32 wish = p->parm.capture.timeperframe.denominator;
    note("S_PARM", wish, 0, 0);
    rate = current->rates[0];
    for (int i = 0; i < 3; i++) if (current->rates[i] == wish) rate = wish;
}

static int fail(int number) { errno = number; return -1; }

static int is_over(void) {
    const char *most = setting("FAKE_CAMERA_MOST");
    return *most && frame >= atol(most);
}

static size_t draw(int fd, int index) {
    off_t at = (off_t)index * BUFFER_BYTES;
    static unsigned char pixels[BUFFER_BYTES];
    size_t size = 0;
    if (current->format == V4L2_PIX_FMT_YUYV) {
        size = (size_t)current->width * current->height * 2;
        for (size_t i = 0; i < size; i += 4) memcpy(pixels + i, "\x51\x5a\x51\xf0", 4);
    } else {
        char path[512];
        snprintf(path, sizeof path, "%s/%ux%u.jpg", setting("FAKE_CAMERA_JPEGS"), current->width,
                 current->height);
        FILE *file = fopen(path, "rb");
        if (file) { size = fread(pixels, 1, sizeof pixels, file); fclose(file); }
    }
    const char *bad = setting("FAKE_CAMERA_BAD");
    if (*bad && frame == atol(bad)) size /= 2;
    return pwrite(fd, pixels, size, at) == (ssize_t)size ? size : 0;
}

static int take(int fd, struct v4l2_buffer *b) {
    if (is_over()) return fail(strcmp(setting("FAKE_CAMERA_END"), "unplugged") ? EAGAIN : ENODEV);
    if (!queued) return fail(EAGAIN);
    int index = queue[0];
    memmove(queue, queue + 1, --queued * sizeof queue[0]);
    b->index = index;
    b->bytesused = draw(fd, index);
    b->length = BUFFER_BYTES;
    b->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (strcmp(setting("FAKE_CAMERA_CLOCK"), "none")) {
        b->timestamp.tv_sec = 1000 + frame / rate;
        b->timestamp.tv_usec = frame % rate * 1000000 / rate;
    }
    frame++;
    return 0;
}

static int list_sizes(struct v4l2_frmsizeenum *s) {
    __u32 index = s->index;
    for (size_t i = 0; i < COUNT(MODES); i++)
        if (MODES[i].format == s->pixel_format && !index--) {
            s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            s->discrete.width = MODES[i].width;
            s->discrete.height = MODES[i].height;
            return 0;
        }
    return fail(EINVAL);
}

static int list_rates(struct v4l2_frmivalenum *v) {
    const struct mode *m = find(v->pixel_format, v->width, v->height);
    if (v->index >= 3 || !m->rates[v->index]) return fail(EINVAL);
    v->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    v->discrete = (struct v4l2_fract){1, m->rates[v->index]};
    return 0;
}

static int answer(int fd, unsigned long request, void *argument) {
    switch ((__u32)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = argument;
        memset(c, 0, sizeof *c);
        strcpy((char *)c->driver, "uvcvideo");
        strcpy((char *)c->card, "Fake Camera");
        strcpy((char *)c->bus_info, "usb-1");
        c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *d = argument;
        if (d->index >= COUNT(FORMATS) || d->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
            return fail(EINVAL);
        d->pixelformat = FORMATS[d->index];
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: return list_sizes(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return list_rates(argument);
    case VIDIOC_G_FMT: tell(argument); return 0;
    case VIDIOC_S_FMT: {
        struct v4l2_format *f = argument;
        __u32 format = f->fmt.pix.pixelformat;
        note("S_FMT", format, f->fmt.pix.width, f->fmt.pix.height);
        current = find(format, f->fmt.pix.width, f->fmt.pix.height);
        rate = current->rates[0];
        tell(f);
        return 0;
    }
    case VIDIOC_S_PARM: set_rate(argument); /* fall through */
    case VIDIOC_G_PARM: {
        struct v4l2_streamparm *p = argument;
        p->parm.capture.timeperframe = (struct v4l2_fract){1, rate};
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *r = argument;
        if (r->count > MOST_BUFFERS) r->count = MOST_BUFFERS;
        queued = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        b->length = BUFFER_BYTES;
        b->m.offset = b->index * BUFFER_BYTES;
        return 0;
    }
    case VIDIOC_QBUF:
        if (queued < MOST_BUFFERS) queue[queued++] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case VIDIOC_DQBUF: return take(fd, argument);
    case VIDIOC_STREAMON: return 0;
    case VIDIOC_STREAMOFF: queued = 0; return 0;
    default: return fail(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (is_ours(fd)) return answer(fd, request, argument);
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, argument);
}

int close(int fd) {
    for (int i = 0; i < fd_count; i++)
        if (fds[i] == fd) fds[i--] = fds[--fd_count]; /* the number may be another file's next */
    int (*next)(int) = dlsym(RTLD_NEXT, "close");
    return next(fd);
}

int select(int count, fd_set *reads, fd_set *writes, fd_set *errors, struct timeval *limit) {
    if (reads && is_ours(count - 1) && is_over()) {
        note("SELECT", limit ? limit->tv_sec : 0, 0, 0);
        if (limit) usleep(limit->tv_sec * 1000000 + limit->tv_usec);
        return 0;
    }
    int (*next)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = dlsym(RTLD_NEXT, "select");
    return next(count, reads, writes, errors, limit);
}

static int open_any(const char *name, const char *path, int flags, mode_t mode) {
    if (!strcmp(path, setting("FAKE_CAMERA"))) return open_camera();
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    return next(path, flags, mode);
}

#define OPEN(name)                                            \
    int name(const char *path, int flags, ...) {              \
        va_list arguments;                                    \
        va_start(arguments, flags);                           \
        mode_t mode = va_arg(arguments, mode_t);              \
        va_end(arguments);                                    \
        return open_any(#name, path, flags, mode);            \
    }
OPEN(open)
OPEN(open64)

int __open_2(const char *path, int flags) { return open(path, flags, 0); }
int __open64_2(const char *path, int flags) { return open64(path, flags, 0); }
