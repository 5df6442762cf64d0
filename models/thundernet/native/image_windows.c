/* Windows of uint8 images, bilinear, and their colours: what grid_sample and products of matrices do
 * to a batch in a dozen passes over memory.
 *
 * Windows are parallel to the image, so the places that a column of the output reads are the same in
 * all rows: each row of the output is one mix of two rows of the image, read at these places.
 *
 * Shapes: images (images, 3, height, width) uint8; windows (images, 4) xyxy in parts of the image;
 * cut (images, size, size, 3).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COLOURS 3
#define MARGIN 2 /* pixels of nothing at both ends of a row, which places outside are moved to */

typedef struct {
    const uint8_t *image;
    int height, width, size;
    const float *fill;
    int *left;   /* (size,) of each output column: the left pixel, counted with the margin */
    float *part; /* (size,) of each output column: what the right pixel counts */
    float *rows; /* (3, width + 2 MARGIN) one row of the image, mixed, less the fill */
} Window;

/* Where the output's pixel `i` reads, in pixels of an image of `side`; cells as grid_sample's. */
static float place(int i, int size, float low, float high, float direction, int side)
{
    float base = (2 * i + 1) / (float)size - 1;
    return ((direction * (high - low) * base + low + high) * side - 1) / 2;
}

static void place_columns(Window w, const float *window, int mirrored)
{
    for (int j = 0; j < w.size; j++) {
        float x = place(j, w.size, window[0], window[2], mirrored ? -1 : 1, w.width);
        float from = floorf(x);
        w.part[j] = x - from;
        w.left[j] = (int)fminf(fmaxf(from, -MARGIN), w.width) + MARGIN;
    }
}

/* Adds `weight` of a row of the image to the mixed one; a row outside of it is all fill. */
static void add_row(Window w, int y, float weight)
{
    if (y < 0 || y >= w.height)
        return;
    for (int c = 0; c < COLOURS; c++) {
        const uint8_t *restrict pixels = w.image + ((long)c * w.height + y) * w.width;
        float *restrict row = w.rows + (long)c * (w.width + 2 * MARGIN) + MARGIN;
        float fill = w.fill[c];
        for (int x = 0; x < w.width; x++)
            row[x] += weight * (pixels[x] - fill);
    }
}

static void cut_row(Window w, float *restrict cut)
{
    long length = w.width + 2 * MARGIN;
    for (int j = 0; j < w.size; j++) {
        const float *at = w.rows + w.left[j];
        for (int c = 0; c < COLOURS; c++, at += length)
            cut[COLOURS * j + c] = w.fill[c] + at[0] + w.part[j] * (at[1] - at[0]);
    }
}

/* Returns 0, or 1 without memory. */
int cut_windows(const uint8_t *images, const float *windows, const uint8_t *mirrored,
                const float *fill, float *cut, int count, int height, int width, int size,
                int threads)
{
    int failed = 0;
    long row_bytes = COLOURS * (width + 2 * MARGIN) * sizeof(float);
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : failed)
    for (int n = 0; n < count; n++) {
        Window w = {images + (long)n * COLOURS * height * width, height, width, size, fill,
                    malloc(size * sizeof(int)), malloc(size * sizeof(float)), malloc(row_bytes)};
        if (w.left && w.part && w.rows) {
            const float *window = windows + 4 * n;
            place_columns(w, window, mirrored[n]);
            for (int i = 0; i < size; i++) {
                float y = place(i, size, window[1], window[3], 1, height), from = floorf(y);
                memset(w.rows, 0, row_bytes);
                if (from >= -1 && from < height) { /* and so an int, whatever the window */
                    add_row(w, (int)from, 1 - (y - from));
                    add_row(w, (int)from + 1, y - from);
                }
                cut_row(w, cut + ((long)n * size + i) * size * COLOURS);
            }
        } else
            failed = 1;
        free(w.left);
        free(w.part);
        free(w.rows);
    }
    return failed;
}

/* means (images, 3) of the pixels of each image. */
void colour_means(const float *cut, float *means, int count, long pixels, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int n = 0; n < count; n++) {
        const float *image = cut + (long)n * pixels * COLOURS;
        double total[COLOURS] = {0};
        for (long start = 0; start < pixels; start += 256) {
            long end = start + 256 < pixels ? start + 256 : pixels;
            float sum[COLOURS] = {0};
            for (long i = start; i < end; i++)
                for (int c = 0; c < COLOURS; c++)
                    sum[c] += image[COLOURS * i + c];
            for (int c = 0; c < COLOURS; c++)
                total[c] += sum[c];
        }
        for (int c = 0; c < COLOURS; c++)
            means[COLOURS * n + c] = total[c] / pixels;
    }
}

/* Each pixel becomes matrix * pixel + offset, held in 0 to 255; matrix (images, 3, 3). */
void change_colours(float *cut, const float *matrix, const float *offset, int count, long pixels,
                    int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int n = 0; n < count; n++) {
        float *image = cut + (long)n * pixels * COLOURS;
        const float *m = matrix + (long)n * COLOURS * COLOURS, *o = offset + (long)n * COLOURS;
        for (long i = 0; i < pixels; i++) {
            float *pixel = image + COLOURS * i, b = pixel[0], g = pixel[1], r = pixel[2];
            for (int c = 0; c < COLOURS; c++) {
                float value = o[c] + m[3 * c] * b + m[3 * c + 1] * g + m[3 * c + 2] * r;
                pixel[c] = value < 0 ? 0 : value > 255 ? 255 : value;
            }
        }
    }
}

/* (pixel - mean) / deviation of each colour; `pixels` are those of all images. */
void normalise_colours(const float *images, const float *mean, const float *deviation, long pixels,
                       float *to, int threads)
{
    enum { LINE = 16 * COLOURS }; /* whole vector registers, each with its own colours */
    float scale[LINE], centre[LINE];
    for (int i = 0; i < LINE; i++) {
        centre[i] = mean[i % COLOURS];
        scale[i] = 1 / deviation[i % COLOURS];
    }
    long lines = pixels * COLOURS / LINE;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long line = 0; line < lines; line++)
        for (int i = 0; i < LINE; i++)
            to[line * LINE + i] = (images[line * LINE + i] - centre[i]) * scale[i];
    for (long i = lines * LINE; i < pixels * COLOURS; i++)
        to[i] = (images[i] - centre[i % LINE]) * scale[i % LINE];
}
