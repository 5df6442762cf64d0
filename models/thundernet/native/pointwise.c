/* 1x1 convolution of a training batch by the processor's matrix unit (AMX), with the batch norm and
 * the ReLU behind it, forward and backward.
 *
 * Its products (tiles.h) are so fast that the map between convolution and batch norm is never in
 * memory: it is computed anew wherever it is read, from rows that are read for something else, too.
 *
 * Shapes: x, dx (rows, in) and y, dy (rows, out), contiguous but for dy, whose rows are `stride`
 * floats apart; weight (out, in). Rows are all pixels of all images (NHWC). Widths are rounded up to
 * whole tiles with zeros. Sums are in float over CHUNK rows, then in double; gradients of weights in
 * float over a block. Blocks do not depend on the number of threads, so results do not either.
 */
#if defined(__AMX_BF16__) && defined(__AVX512BF16__)
#include <omp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pointwise_layer.h"

#define REQUEST_PERMISSION 0x1023 /* of arch_prctl(2) */
#define TILE_DATA 18

/* Whether the system lets this process use the matrix unit. */
int pointwise_available(void)
{
    return !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
}

/* Values of channels, with zeros up to out_wide. */
enum { SCALE, OFFSET, SLOPE, CONSTANT, MEAN, VALUES };

static float *take_values(char **heap, const Layer *layer)
{
    float *values = take(heap, VALUES * layer->out_wide * sizeof(float));
    memset(values, 0, VALUES * layer->out_wide * sizeof(float));
    return values;
}

static size_t values_bytes(const int out_wide)
{
    return VALUES * out_wide * sizeof(float);
}

static size_t totals_bytes(int out_wide)
{
    return (size_t)(MAX_BLOCKS + 1) * 2 * out_wide * sizeof(double);
}

/* Sums the blocks' totals into the first. */
static void gather(double *totals, const Layer *layer)
{
    for (int block = 1; block < layer->blocks; block++)
        for (int i = 0; i < 2 * layer->out_wide; i++)
            totals[i] += totals[(long)block * 2 * layer->out_wide + i];
}

/* y = (map - mean) * invstd * gamma + beta with the batch's statistics, then ReLU if `relu`; moves
 * the running statistics. Without gamma: y = map + beta, or without beta the map. Returns 0, or 1
 * without memory. */
int pointwise_forward(const float *x, const float *weight, long rows, int in, int out,
                      const float *gamma, const float *beta, float *running_mean,
                      float *running_var, float momentum, float eps, int relu, float *y,
                      float *mean, float *invstd, int threads)
{
    int in_wide = round_up(in), out_wide = round_up(out);
    size_t of_thread = scratch_bytes(in_wide, out_wide);
    char *heap = aligned_alloc(64, layer_bytes(in_wide, out_wide) + values_bytes(out_wide) +
                                       totals_bytes(out_wide) + threads * of_thread);
    if (!heap)
        return 1;
    char *rest = heap;
    Layer layer = make_layer(weight, rows, in, out, 0, heap);
    rest += layer_bytes(in_wide, out_wide);
    float *values = take_values(&rest, &layer);
    double *totals = take(&rest, totals_bytes(out_wide));
    float *scale = values + SCALE * out_wide, *offset = values + OFFSET * out_wide;
    float *shift = values + MEAN * out_wide;
    memset(totals, 0, totals_bytes(out_wide));
    if (gamma) {
        /* Values near their mean square without cancellation; any row is near enough. */
        configure();
        Scratch s = take_scratch(rest, &layer);
        convolve(&layer, x, 0, s);
        memcpy(shift, s.y, out_wide * sizeof(float));
        _tile_release();
#pragma omp parallel num_threads(threads)
        {
            configure();
            Scratch own = take_scratch(rest + omp_get_thread_num() * of_thread, &layer);
#pragma omp for schedule(static)
            for (int block = 0; block < layer.blocks; block++) {
                long first = block * layer.chunks_per_block;
                for (long chunk = first; chunk < end_of(&layer, first); chunk++) {
                    convolve(&layer, x, chunk, own);
                    add_powers(&layer, own, rows_in(&layer, chunk), shift,
                               totals + (long)block * 2 * out_wide);
                }
            }
            _tile_release();
        }
        gather(totals, &layer);
    }
    for (int c = 0; c < out; c++) {
        if (!gamma) {
            scale[c] = 1;
            offset[c] = beta ? beta[c] : 0;
            continue;
        }
        double distance = totals[c] / rows;
        double variance = fmax(totals[out_wide + c] / rows - distance * distance, 0);
        mean[c] = shift[c] + distance;
        invstd[c] = 1 / sqrt(variance + eps);
        double unbiased = rows > 1 ? variance * rows / (rows - 1) : variance;
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_var[c] += momentum * (unbiased - running_var[c]);
        scale[c] = gamma[c] * invstd[c];
        offset[c] = beta[c] - mean[c] * scale[c];
    }
#pragma omp parallel num_threads(threads)
    {
        configure();
        Scratch own = take_scratch(rest + omp_get_thread_num() * of_thread, &layer);
#pragma omp for schedule(static)
        for (long chunk = 0; chunk < layer.chunks; chunk++) {
            convolve(&layer, x, chunk, own);
            write_normalised(&layer, own, rows_in(&layer, chunk), scale, offset, relu,
                             y + chunk * CHUNK * out);
        }
        _tile_release();
    }
    free(heap);
    return 0;
}

/* Gradients of x (unless dx is NULL), weight, gamma and beta; without gamma of beta as a bias.
 * Returns 0, or 1 without memory. */
int pointwise_backward(const float *x, const float *weight, long rows, int in, int out,
                       const float *gamma, const float *beta, const float *mean,
                       const float *invstd, int relu, const float *dy, long stride, float *dx,
                       float *dweight, float *dgamma, float *dbeta, int threads)
{
    int in_wide = round_up(in), out_wide = round_up(out);
    size_t of_thread = scratch_bytes(in_wide, out_wide);
    size_t of_block = (size_t)in_wide * out_wide * sizeof(float);
    size_t of_layer = layer_bytes(in_wide, out_wide) + (size_t)4 * in_wide * out_wide;
    char *heap = aligned_alloc(64, of_layer + values_bytes(out_wide) + totals_bytes(out_wide) +
                                       MAX_BLOCKS * of_block + threads * of_thread);
    if (!heap)
        return 1;
    char *rest = heap;
    Layer layer = make_layer(weight, rows, in, out, 1, heap);
    rest += of_layer;
    float *values = take_values(&rest, &layer);
    double *totals = take(&rest, totals_bytes(out_wide));
    float *parts = take(&rest, MAX_BLOCKS * of_block);
    float *scale = values + SCALE * out_wide, *offset = values + OFFSET * out_wide;
    float *slope = values + SLOPE * out_wide, *constant = values + CONSTANT * out_wide;
    float *centre = values + MEAN * out_wide;
    memset(totals, 0, totals_bytes(out_wide));
    memset(rest, 0, threads * of_thread); /* no map where nobody reads it */
    int read = gamma || relu;
    for (int c = 0; c < out; c++) {
        scale[c] = gamma ? gamma[c] * invstd[c] : 1;
        centre[c] = gamma ? mean[c] : 0;
        offset[c] = beta ? beta[c] - centre[c] * scale[c] : 0;
    }
#pragma omp parallel num_threads(threads)
    {
        configure();
        Scratch own = take_scratch(rest + omp_get_thread_num() * of_thread, &layer);
#pragma omp for schedule(static)
        for (int block = 0; block < layer.blocks; block++) {
            long first = block * layer.chunks_per_block;
            for (long chunk = first; chunk < end_of(&layer, first); chunk++) {
                if (read)
                    convolve(&layer, x, chunk, own);
                add_gradients(&layer, own, rows_in(&layer, chunk), dy + chunk * CHUNK * stride,
                              stride, scale, offset, centre, relu,
                              totals + (long)block * 2 * out_wide);
            }
        }
        _tile_release();
    }
    gather(totals, &layer);
    for (int c = 0; c < out; c++) {
        dbeta[c] = totals[c];
        if (!gamma)
            continue;
        dgamma[c] = totals[out_wide + c] * invstd[c];
        /* dmap = scale * (gradient - mean gradient - x_hat * mean of gradient * x_hat) */
        slope[c] = -scale[c] * invstd[c] * dgamma[c] / rows;
        constant[c] = -scale[c] * dbeta[c] / rows - slope[c] * mean[c];
    }
    memset(parts, 0, MAX_BLOCKS * of_block);
#pragma omp parallel num_threads(threads)
    {
        configure();
        Scratch s = take_scratch(rest + omp_get_thread_num() * of_thread, &layer);
#pragma omp for schedule(static)
        for (int block = 0; block < layer.blocks; block++) {
            long first = block * layer.chunks_per_block;
            for (long chunk = first; chunk < end_of(&layer, first); chunk++) {
                int count = rows_in(&layer, chunk);
                int tiled = (read ? convolve : read_chunk)(&layer, x, chunk, s);
                spread_gradients(&layer, s, count, dy + chunk * CHUNK * stride, stride, scale,
                                 offset, slope, constant, relu);
                if (dx) {
                    multiply(s.dy, layer.transposed, tiled, out_wide, in_wide, 0, s.dx);
                    write_rows(s.dx, in_wide, count, in, dx + chunk * CHUNK * in);
                }
                pair_rows(s.x.high, tiled, in_wide, s.x_pairs.high);
                pair_rows(s.x.low, tiled, in_wide, s.x_pairs.low);
                transpose_rows(s.dy.high, tiled, out_wide, s.dy_columns.high);
                transpose_rows(s.dy.low, tiled, out_wide, s.dy_columns.low);
                multiply(s.dy_columns, s.x_pairs, out_wide, tiled, in_wide, 1,
                         parts + block * (of_block / sizeof(float)));
            }
        }
        _tile_release();
    }
    for (long o = 0; o < out; o++)
        for (long i = 0; i < in; i++) {
            double sum = 0;
            for (long block = 0; block < layer.blocks; block++)
                sum += parts[(block * out_wide + o) * in_wide + i];
            dweight[o * in + i] = sum;
        }
    free(heap);
    return 0;
}
#else
int pointwise_available(void)
{
    return 0;
}
#endif
