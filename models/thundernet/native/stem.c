/* The stem in training: 3x3 convolution of stride 2, batch norm, ReLU, 3x3 max pool of stride 2.
 *
 * The convolution's output is the largest map of the network, and is never in memory as a whole:
 *
 * - A patch is the 27 values that an output reads. The output is linear in it, so its mean and its
 *   variance over the batch follow from the sums of products of the patches' values, 28 x 28 of them
 *   with a constant one.
 * - With these known, three rows of the normalised map are enough for a row of the pool.
 * - Only the largest value of a pool's window has a gradient of its own; what batch norm spreads
 *   over all outputs is linear in the patches again, and follows from the same sums.
 *
 * Shapes: images (images, height, width, 3); y, dy, chosen (images, pool_rows, pool_columns,
 * channels); weight, dweight (27, channels), rows in the order (ky, kx, colour); products (28, 28).
 * Channels are a multiple of 8. Sums are per image, so the number of threads changes nothing.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COLOURS 3
#define KERNEL 3
#define TAPS 27
#define TERMS 28 /* and a one, which stands for sums and offsets */
#define WIDE 32  /* of a patch in memory: whole vectors */
#define LANES 8
#define AT_ONCE 8 /* outputs whose sums stay in registers */
#define CHUNK 64  /* patches that fit the first-level cache in double precision */
#define CLOSED 9  /* no place in the window: the ReLU lets nothing through */

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));
typedef int Mask __attribute__((vector_size(LANES * sizeof(int)), aligned(sizeof(int))));
typedef uint8_t Bytes __attribute__((vector_size(LANES), aligned(1)));
typedef double Doubles __attribute__((vector_size(4 * sizeof(double)), aligned(sizeof(double))));

typedef struct {
    int height, width, rows, columns, pool_rows, pool_columns, channels;
} Shape;

static Shape shape_of(int height, int width, int channels)
{
    Shape s = {.height = height, .width = width, .channels = channels};
    s.rows = (height - 1) / 2 + 1;
    s.columns = (width - 1) / 2 + 1;
    s.pool_rows = (s.rows - 1) / 2 + 1;
    s.pool_columns = (s.columns - 1) / 2 + 1;
    return s;
}

/* Patches (count, WIDE) without anything but their one, or NULL without memory. */
static float *make_patches(long count)
{
    float *patches = calloc(count * WIDE, sizeof(float));
    for (long j = 0; patches && j < count; j++)
        patches[j * WIDE + TAPS] = 1;
    return patches;
}

/* One row of the kernel, of all patches; `line` is NULL outside of the image, where nothing lies. */
INLINE void read_line(const float *line, Shape s, float *restrict to)
{
    const size_t pixel = COLOURS * sizeof(float);
    if (!line) {
        for (int j = 0; j < s.columns; j++)
            memset(to + (long)j * WIDE, 0, KERNEL * pixel);
        return;
    }
    for (int j = 1; 2 * j + 1 < s.width; j++) /* sizes that are constant need no call */
        memcpy(to + (long)j * WIDE, line + (2 * j - 1) * COLOURS, KERNEL * pixel);
    memset(to, 0, KERNEL * pixel);
    memcpy(to + COLOURS, line, s.width > 1 ? 2 * pixel : pixel);
    int last = s.columns - 1;
    if (last > 0 && 2 * last + 1 == s.width) {
        memcpy(to + (long)last * WIDE, line + (2 * last - 1) * COLOURS, 2 * pixel);
        memset(to + (long)last * WIDE + 2 * COLOURS, 0, pixel);
    }
}

/* The patches (columns, WIDE) of one row of outputs. */
static void read_patches(const float *image, Shape s, int row, float *patches)
{
    for (int ky = 0; ky < KERNEL; ky++) {
        int y = 2 * row + ky - 1, outside = y < 0 || y >= s.height;
        read_line(outside ? NULL : image + (long)y * s.width * COLOURS, s,
                  patches + KERNEL * ky * COLOURS);
    }
}

/* Adds 4 rows of products, `vectors` times 4 columns of them. */
INLINE void add_block(const double *patches, int count, int row, int column, int vectors,
                      double *products)
{
    Doubles sums[4][3] = {0};
    for (int j = 0; j < count; j++, patches += TERMS)
#pragma GCC unroll 4
        for (int a = 0; a < 4; a++)
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sums[a][v] += patches[row + a] * *(const Doubles *)(patches + column + 4 * v);
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            *(Doubles *)(products + (row + a) * TERMS + column + 4 * v) += sums[a][v];
}

/* Adds the products of the values of each patch, from the diagonal's blocks on. In double precision:
 * a filter that answers to edges alone has a variance far below that of what it reads. */
static void add_products(const float *patches, int count, double *products)
{
    double wide[CHUNK * TERMS];
    for (int j = 0; j < count; j++)
        for (int k = 0; k < TERMS; k++)
            wide[j * TERMS + k] = patches[j * WIDE + k];
    for (int row = 0; row < TERMS; row += 4)
        for (int column = row; column < TERMS; column += 12)
            if (column + 12 <= TERMS)
                add_block(wide, count, row, column, 3, products);
            else if (column + 8 <= TERMS)
                add_block(wide, count, row, column, 2, products);
            else
                add_block(wide, count, row, column, 1, products);
}

INLINE void convolve_some(const float *patches, int count, const float *weight, int channels,
                          float *out)
{
    Vector sums[AT_ONCE] = {0};
    for (int k = 0; k < TERMS; k++) {
        Vector w = *(const Vector *)(weight + (long)k * channels);
#pragma GCC unroll 8
        for (int j = 0; j < count; j++)
            sums[j] += patches[j * WIDE + k] * w;
    }
#pragma GCC unroll 8
    for (int j = 0; j < count; j++)
        *(Vector *)(out + (long)j * channels) = sums[j];
}

/* One row of the normalised map (columns, channels); `weight` (28, channels) has scale and offset. */
static void convolve_row(const float *patches, Shape s, const float *weight, float *out)
{
    for (int c = 0; c < s.channels; c += LANES) {
        int j = 0;
        for (; j + AT_ONCE <= s.columns; j += AT_ONCE)
            convolve_some(patches + (long)j * WIDE, AT_ONCE, weight + c, s.channels,
                          out + (long)j * s.channels + c);
        for (; j < s.columns; j++)
            convolve_some(patches + (long)j * WIDE, 1, weight + c, s.channels,
                          out + (long)j * s.channels + c);
    }
}

INLINE Mask choose(Mask which, Mask then, Mask otherwise)
{
    return (which & then) | (~which & otherwise);
}

/* One row of the pool from the rows of the map in `lines`, of which NULL lies outside. */
static void pool_row(const float *const *lines, Shape s, float *y, uint8_t *chosen)
{
    for (int q = 0; q < s.pool_columns; q++)
        for (int c = 0; c < s.channels; c += LANES) {
            Vector best = (Vector){0} - INFINITY;
            Mask place = {0};
            for (int ky = 0; ky < KERNEL; ky++)
                for (int kx = 0; lines[ky] && kx < KERNEL; kx++) {
                    int j = 2 * q + kx - 1;
                    if (j < 0 || j >= s.columns)
                        continue;
                    Vector value = *(const Vector *)(lines[ky] + (long)j * s.channels + c);
                    Mask better = (value > best) | (value != value); /* what is no number stays */
                    best = (Vector)choose(better, (Mask)value, (Mask)best);
                    place = choose(better, (Mask){0} + (KERNEL * ky + kx), place);
                }
            long at = (long)q * s.channels + c;
            *(Vector *)(y + at) = (Vector)(~(best < 0) & (Mask)best);
            place = choose(best > 0, place, (Mask){0} + CLOSED);
            *(Bytes *)(chosen + at) = __builtin_convertvector(place, Bytes);
        }
}

/* What the layer's batch norm makes of the products: statistics, and weights with scale and offset. */
static void normalise(const double *products, double count, Shape s, const float *weight,
                      const float *gamma, const float *beta, float eps, float *running_mean,
                      float *running_var, float momentum, float *mean, float *invstd, float *scaled)
{
    for (int c = 0; c < s.channels; c++) {
        double average = 0, variance = 0;
        for (int k = 0; k < TAPS; k++)
            average += weight[k * s.channels + c] * products[k * TERMS + TAPS] / count;
        for (int k = 0; k < TAPS; k++)
            for (int l = 0; l < TAPS; l++) {
                double of_sums = products[k * TERMS + TAPS] / count * products[l * TERMS + TAPS];
                variance += (double)weight[k * s.channels + c] * weight[l * s.channels + c] *
                            (products[k * TERMS + l] - of_sums) / count;
            }
        variance = fmax(variance, 0);
        mean[c] = average;
        invstd[c] = 1 / sqrt(variance + eps);
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        double unbiased = count > 1 ? variance * count / (count - 1) : variance;
        running_var[c] += momentum * (unbiased - running_var[c]);
        double scale = gamma[c] * invstd[c];
        for (int k = 0; k < TAPS; k++)
            scaled[k * s.channels + c] = weight[k * s.channels + c] * scale;
        scaled[TAPS * s.channels + c] = beta[c] - average * scale;
    }
}

static int add_image(const float *image, Shape s, double *products)
{
    float *patches = make_patches(s.columns);
    if (!patches)
        return 1;
    memset(products, 0, TERMS * TERMS * sizeof(double));
    for (int row = 0; row < s.rows; row++) {
        read_patches(image, s, row, patches);
        for (int start = 0; start < s.columns; start += CHUNK) {
            int left = s.columns - start;
            add_products(patches + (long)start * WIDE, left < CHUNK ? left : CHUNK, products);
        }
    }
    free(patches);
    return 0;
}

static int pool_image(const float *image, Shape s, const float *scaled, float *y, uint8_t *chosen)
{
    long length = (long)s.columns * s.channels;
    float *patches = make_patches(s.columns);
    float *map = malloc(KERNEL * length * sizeof(float)); /* the last three rows, in turns */
    int failed = !patches || !map, done = 0;
    for (int row = 0; !failed && row < s.pool_rows; row++) {
        for (; done < s.rows && done <= 2 * row + 1; done++) {
            read_patches(image, s, done, patches);
            convolve_row(patches, s, scaled, map + done % KERNEL * length);
        }
        const float *lines[KERNEL];
        for (int ky = 0; ky < KERNEL; ky++) {
            int of_map = 2 * row + ky - 1, outside = of_map < 0 || of_map >= s.rows;
            lines[ky] = outside ? NULL : map + of_map % KERNEL * length;
        }
        long at = (long)row * s.pool_columns * s.channels;
        pool_row(lines, s, y + at, chosen + at);
    }
    free(patches);
    free(map);
    return failed;
}

/* Returns 0, or 1 without memory. Moves the running statistics, too. `chosen` is the place of the
 * largest value in each window, or CLOSED. */
int stem_forward(const float *images, const float *weight, const float *gamma, const float *beta,
                 float *running_mean, float *running_var, float momentum, float eps, int count,
                 int height, int width, int channels, float *y, uint8_t *chosen, double *products,
                 float *mean, float *invstd, int threads)
{
    Shape s = shape_of(height, width, channels);
    long pixels = (long)height * width * COLOURS;
    long pooled = (long)s.pool_rows * s.pool_columns * channels;
    double *parts = malloc((long)count * TERMS * TERMS * sizeof(double));
    float *scaled = malloc((long)TERMS * channels * sizeof(float));
    int failed = !parts || !scaled;
    if (!failed) {
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : failed)
        for (int n = 0; n < count; n++)
            failed |= add_image(images + n * pixels, s, parts + (long)n * TERMS * TERMS);
    }
    if (!failed) {
        memset(products, 0, TERMS * TERMS * sizeof(double));
        for (long i = 0; i < (long)count * TERMS * TERMS; i++)
            products[i % (TERMS * TERMS)] += parts[i];
        for (int k = 0; k < TERMS; k++)
            for (int l = 0; l < k; l++)
                products[k * TERMS + l] = products[l * TERMS + k];
        normalise(products, (double)count * s.rows * s.columns, s, weight, gamma, beta, eps,
                  running_mean, running_var, momentum, mean, invstd, scaled);
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : failed)
        for (int n = 0; n < count; n++)
            failed |= pool_image(images + n * pixels, s, scaled, y + n * pooled, chosen + n * pooled);
    }
    free(parts);
    free(scaled);
    return failed;
}

/* sums (channels, WIDE): of the patches of the chosen outputs, each times its gradient. */
static int sum_chosen(const float *image, const float *dy, const uint8_t *chosen, Shape s,
                      float *sums)
{
    long length = (long)s.columns * WIDE;
    float *patches = make_patches((long)KERNEL * s.columns); /* of three rows, in turns */
    int failed = !patches, done = 0;
    memset(sums, 0, (long)s.channels * WIDE * sizeof(float));
    for (int row = 0; !failed && row < s.pool_rows; row++) {
        for (; done < s.rows && done <= 2 * row + 1; done++)
            read_patches(image, s, done, patches + done % KERNEL * length);
        for (int q = 0; q < s.pool_columns; q++)
            for (int c = 0; c < s.channels; c++, dy++, chosen++) {
                if (*chosen == CLOSED)
                    continue;
                int of_map = 2 * row + *chosen / KERNEL - 1, j = 2 * q + *chosen % KERNEL - 1;
                const float *patch = patches + of_map % KERNEL * length + (long)j * WIDE;
#pragma GCC unroll 4
                for (int k = 0; k < WIDE; k += LANES)
                    *(Vector *)(sums + c * WIDE + k) += *dy * *(const Vector *)(patch + k);
            }
    }
    free(patches);
    return failed;
}

/* The gradients of one channel from its summed patches (TERMS,). */
static void spread_channel(const double *sums, const double *products, double count, int channels,
                           const float *weight, float gamma, float mean, float invstd,
                           float *dweight, float *dgamma, float *dbeta)
{
    double total = sums[TAPS], along = 0, scale = gamma * invstd;
    for (int k = 0; k < TAPS; k++)
        along += weight[k * channels] * sums[k];
    double slope = (along - mean * total) * invstd;
    *dbeta = total;
    *dgamma = slope;
    for (int k = 0; k < TAPS; k++) {
        double centred = -mean * products[k * TERMS + TAPS]; /* sum of (x - mean) times the value */
        for (int l = 0; l < TAPS; l++)
            centred += weight[l * channels] * products[k * TERMS + l];
        double spread = total * products[k * TERMS + TAPS] + slope * invstd * centred;
        dweight[k * channels] = scale * (sums[k] - spread / count);
    }
}

/* Gradients of the convolution's and of the batch norm's weights. Returns 0, or 1 without memory. */
int stem_backward(const float *images, const float *dy, const uint8_t *chosen, const float *weight,
                  const float *gamma, const double *products, const float *mean,
                  const float *invstd, int count, int height, int width, int channels,
                  float *dweight, float *dgamma, float *dbeta, int threads)
{
    Shape s = shape_of(height, width, channels);
    long pixels = (long)height * width * COLOURS, sums = (long)channels * WIDE;
    long pooled = (long)s.pool_rows * s.pool_columns * channels;
    float *parts = malloc(count * sums * sizeof(float));
    if (!parts)
        return 1;
    int failed = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(| : failed)
    for (int n = 0; n < count; n++)
        failed |= sum_chosen(images + n * pixels, dy + n * pooled, chosen + n * pooled, s,
                             parts + n * sums);
    for (int c = 0; c < channels; c++) {
        double total[TERMS] = {0};
        for (int n = 0; n < count; n++)
            for (int k = 0; k < TERMS; k++)
                total[k] += parts[n * sums + c * WIDE + k];
        spread_channel(total, products, (double)count * s.rows * s.columns, channels, weight + c,
                       gamma[c], mean[c], invstd[c], dweight + c, dgamma + c, dbeta + c);
    }
    free(parts);
    return failed;
}
