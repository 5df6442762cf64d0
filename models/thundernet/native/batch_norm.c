/* Batch norm of a training batch, with or without the ReLU behind it, forward and backward.
 *
 * torch walks through a map in memory five times forward (mean, variance, normalise, ReLU reads and
 * writes) and more often backward; here it is read twice and written once, both ways.
 *
 * Shapes: x, y, dy, dx (rows, channels), contiguous; rows are all pixels of all images (NHWC).
 * Several rows are taken as one line, whose length fills vector registers without a rest.
 * Sums are kept in float within a block of lines and in double across blocks. Blocks do not depend
 * on the number of threads, so results do not either.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16         /* floats of the widest vector register */
#define MAX_GROUP 1024   /* floats of several rows: a line's sums stay in the first-level cache */
#define MAX_WIDTH 4096   /* floats of a line, which may be one row */
#define BLOCK (1L << 16) /* floats per block, about */

typedef struct {
    long lines, lines_per_block, blocks;
    int width; /* a multiple of channels */
} Layout;

static Layout arrange(long rows, int channels)
{
    int group = 1;
    while (group < LANES && (group * channels) % LANES)
        group *= 2;
    if (rows % group || group * channels > MAX_GROUP)
        group = 1;
    Layout layout = {.lines = rows / group, .width = group * channels};
    layout.lines_per_block = BLOCK / layout.width > 0 ? BLOCK / layout.width : 1;
    layout.blocks = (layout.lines + layout.lines_per_block - 1) / layout.lines_per_block;
    return layout;
}

static long lines_of(Layout layout, long block)
{
    long left = layout.lines - block * layout.lines_per_block;
    return left < layout.lines_per_block ? left : layout.lines_per_block;
}

/* Repeats the values of the channels over a whole line. */
static void spread(const float *values, int channels, float *line, int width)
{
    for (int start = 0; start < width; start += channels)
        memcpy(line + start, values, channels * sizeof(float));
}

/* Adds a line's sums, and the sums of products behind them, to those of the channels. */
static void fold(const float *sum, const float *product, int width, double *total, int channels)
{
    for (int start = 0; start < width; start += channels)
        for (int c = 0; c < channels; c++) {
            total[c] += sum[start + c];
            total[channels + c] += product[start + c];
        }
}

/* Sums the blocks' totals into the first; the order is always the same. */
static void gather(double *totals, long blocks, int channels)
{
    for (long block = 1; block < blocks; block++)
        for (int i = 0; i < 2 * channels; i++)
            totals[i] += totals[block * 2 * channels + i];
}

static void sum_powers(const float *restrict x, long lines, int width, const float *restrict shift,
                       float *restrict sum, float *restrict square)
{
    for (long line = 0; line < lines; line++, x += width)
        for (int i = 0; i < width; i++) {
            float value = x[i] - shift[i];
            sum[i] += value;
            square[i] += value * value;
        }
}

static inline void normalise(const float *restrict x, long lines, int width,
                             const float *restrict scale, const float *restrict offset, int relu,
                             float *restrict y)
{
    for (long line = 0; line < lines; line++, x += width, y += width)
        for (int i = 0; i < width; i++) {
            float value = x[i] * scale[i] + offset[i];
            y[i] = relu && value < 0 ? 0 : value;
        }
}

/* y = (x - mean) * invstd * weight + bias, then ReLU if `relu`; moves the running statistics too.
 * Returns 0, or 1 without memory. */
int batch_norm_forward(const float *x, float *y, long rows, int channels, const float *weight,
                       const float *bias, float *running_mean, float *running_var, float momentum,
                       float eps, int relu, float *mean, float *invstd, int threads)
{
    Layout layout = arrange(rows, channels);
    double *totals = calloc(layout.blocks * 2 * channels, sizeof(double));
    if (!totals)
        return 1;
    float shift[MAX_WIDTH], scale[MAX_WIDTH], offset[MAX_WIDTH];
    /* Values near their mean square without cancellation; any row is near enough. */
    spread(x, channels, shift, layout.width);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long block = 0; block < layout.blocks; block++) {
        float sum[MAX_WIDTH], square[MAX_WIDTH];
        memset(sum, 0, layout.width * sizeof(float));
        memset(square, 0, layout.width * sizeof(float));
        const float *start = x + block * layout.lines_per_block * layout.width;
        sum_powers(start, lines_of(layout, block), layout.width, shift, sum, square);
        fold(sum, square, layout.width, totals + block * 2 * channels, channels);
    }
    gather(totals, layout.blocks, channels);
    float channel_scale[MAX_WIDTH], channel_offset[MAX_WIDTH];
    for (int c = 0; c < channels; c++) {
        double distance = totals[c] / rows;
        double variance = fmax(totals[channels + c] / rows - distance * distance, 0);
        mean[c] = shift[c] + distance;
        invstd[c] = 1 / sqrt(variance + eps);
        double unbiased = rows > 1 ? variance * rows / (rows - 1) : variance;
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_var[c] += momentum * (unbiased - running_var[c]);
        channel_scale[c] = weight[c] * invstd[c];
        channel_offset[c] = bias[c] - mean[c] * channel_scale[c];
    }
    free(totals);
    spread(channel_scale, channels, scale, layout.width);
    spread(channel_offset, channels, offset, layout.width);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long block = 0; block < layout.blocks; block++) {
        long start = block * layout.lines_per_block * layout.width, lines = lines_of(layout, block);
        if (relu)
            normalise(x + start, lines, layout.width, scale, offset, 1, y + start);
        else
            normalise(x + start, lines, layout.width, scale, offset, 0, y + start);
    }
    return 0;
}

/* What reaches x through the ReLU: nothing where it was closed. */
static inline float opened(float x, float dy, float scale, float offset, int relu)
{
    return relu && x * scale + offset <= 0 ? 0 : dy;
}

static inline void sum_gradients(const float *restrict x, const float *restrict dy, long lines,
                                 int width, const float *restrict scale,
                                 const float *restrict offset, const float *restrict mean, int relu,
                                 float *restrict sum, float *restrict product)
{
    for (long line = 0; line < lines; line++, x += width, dy += width)
        for (int i = 0; i < width; i++) {
            float gradient = opened(x[i], dy[i], scale[i], offset[i], relu);
            sum[i] += gradient;
            product[i] += gradient * (x[i] - mean[i]);
        }
}

/* dx = scale * gradient + slope * x + constant. */
static inline void spread_gradients(const float *restrict x, const float *restrict dy, long lines,
                                    int width, const float *restrict scale,
                                    const float *restrict offset, const float *restrict slope,
                                    const float *restrict constant, int relu, float *restrict dx)
{
    for (long line = 0; line < lines; line++, x += width, dy += width, dx += width)
        for (int i = 0; i < width; i++) {
            float gradient = opened(x[i], dy[i], scale[i], offset[i], relu);
            dx[i] = scale[i] * gradient + slope[i] * x[i] + constant[i];
        }
}

/* Gradients of x, weight and bias. Returns 0, or 1 without memory. */
int batch_norm_backward(const float *x, const float *dy, float *dx, long rows, int channels,
                        const float *weight, const float *bias, const float *mean,
                        const float *invstd, int relu, float *dweight, float *dbias, int threads)
{
    Layout layout = arrange(rows, channels);
    double *totals = calloc(layout.blocks * 2 * channels, sizeof(double));
    if (!totals)
        return 1;
    float scale[MAX_WIDTH], offset[MAX_WIDTH], centre[MAX_WIDTH];
    float slope[MAX_WIDTH], constant[MAX_WIDTH];
    for (int i = 0; i < layout.width; i++) {
        int c = i % channels;
        scale[i] = weight[c] * invstd[c];
        offset[i] = bias[c] - mean[c] * scale[i];
        centre[i] = mean[c];
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long block = 0; block < layout.blocks; block++) {
        float sum[MAX_WIDTH], product[MAX_WIDTH];
        memset(sum, 0, layout.width * sizeof(float));
        memset(product, 0, layout.width * sizeof(float));
        long start = block * layout.lines_per_block * layout.width, lines = lines_of(layout, block);
        if (relu)
            sum_gradients(x + start, dy + start, lines, layout.width, scale, offset, centre, 1, sum,
                          product);
        else
            sum_gradients(x + start, dy + start, lines, layout.width, scale, offset, centre, 0, sum,
                          product);
        fold(sum, product, layout.width, totals + block * 2 * channels, channels);
    }
    gather(totals, layout.blocks, channels);
    for (int c = 0; c < channels; c++) {
        dbias[c] = totals[c];
        dweight[c] = totals[channels + c] * invstd[c];
    }
    free(totals);
    for (int i = 0; i < layout.width; i++) {
        int c = i % channels;
        /* dx = scale * (gradient - mean gradient - x_hat * mean of gradient * x_hat) */
        slope[i] = -scale[i] * invstd[c] * dweight[c] / rows;
        constant[i] = -scale[i] * dbias[c] / rows - slope[i] * mean[c];
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long block = 0; block < layout.blocks; block++) {
        long start = block * layout.lines_per_block * layout.width, lines = lines_of(layout, block);
        if (relu)
            spread_gradients(x + start, dy + start, lines, layout.width, scale, offset, slope,
                             constant, 1, dx + start);
        else
            spread_gradients(x + start, dy + start, lines, layout.width, scale, offset, slope,
                             constant, 0, dx + start);
    }
    return 0;
}
