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
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tiles.h"

#define CHUNK 128     /* rows at once: what is made of them stays in the second-level cache */
#define MAX_BLOCKS 16 /* parts of the rows with a gradient of the weights each */

#define REQUEST_PERMISSION 0x1023 /* of arch_prctl(2) */
#define TILE_DATA 18

typedef struct {
    long rows, chunks, chunks_per_block;
    int in, out, in_wide, out_wide, blocks;
    Split weight, transposed; /* (in, out) for y and (out, in) for dx, rows in pairs */
} Layer;

/* What one thread works in. */
typedef struct {
    Split x, x_pairs, dy, dy_columns;
    float *y, *dx;
} Scratch;

/* Takes `bytes`, a multiple of 64, from a heap whose start moves on. */
static void *take(char **heap, size_t bytes)
{
    void *taken = *heap;
    *heap += (bytes + 63) / 64 * 64;
    return taken;
}

static Split take_split(char **heap, size_t count)
{
    Half *high = take(heap, count * sizeof(Half)), *low = take(heap, count * sizeof(Half));
    return (Split){high, low};
}

static size_t scratch_bytes(int in_wide, int out_wide)
{
    return (size_t)CHUNK * (in_wide + out_wide) * (4 * sizeof(Half) + sizeof(float));
}

static Scratch take_scratch(char *heap, const Layer *layer)
{
    Scratch s;
    s.x = take_split(&heap, (size_t)CHUNK * layer->in_wide);
    s.x_pairs = take_split(&heap, (size_t)CHUNK * layer->in_wide);
    s.dy = take_split(&heap, (size_t)CHUNK * layer->out_wide);
    s.dy_columns = take_split(&heap, (size_t)CHUNK * layer->out_wide);
    s.y = take(&heap, (size_t)CHUNK * layer->out_wide * sizeof(float));
    s.dx = take(&heap, (size_t)CHUNK * layer->in_wide * sizeof(float));
    return s;
}

static size_t layer_bytes(int in_wide, int out_wide)
{
    return (size_t)8 * in_wide * out_wide;
}

/* The weights as `multiply` wants them: for y always, for dx if `backward`. */
static Layer make_layer(const float *weight, long rows, int in, int out, int backward, char *heap)
{
    Layer l = {.rows = rows, .in = in, .out = out};
    l.in_wide = round_up(in);
    l.out_wide = round_up(out);
    l.chunks = (rows + CHUNK - 1) / CHUNK;
    l.blocks = l.chunks < MAX_BLOCKS ? l.chunks : MAX_BLOCKS;
    l.chunks_per_block = (l.chunks + l.blocks - 1) / l.blocks;
    size_t count = (size_t)l.in_wide * l.out_wide;
    Split rows_of_weight = take_split(&heap, count), columns = take_split(&heap, count);
    split_rows(weight, out, in, l.in_wide, rows_of_weight);
    /* Pairs of inputs lie side by side in a row of weights: what is transposed is pairs. */
    for (int part = 0; part < 2; part++) {
        const Half *from = part ? rows_of_weight.low : rows_of_weight.high;
        Half *to = part ? columns.low : columns.high;
        for (int o = 0; o < l.out_wide; o++)
            for (int i = 0; i < l.in_wide; i += 2)
                memcpy(to + (long)i * l.out_wide + 2 * o, from + (long)o * l.in_wide + i, 4);
    }
    l.weight = columns;
    if (backward) {
        Split pairs = take_split(&heap, count);
        pair_rows(rows_of_weight.high, l.out_wide, l.in_wide, pairs.high);
        pair_rows(rows_of_weight.low, l.out_wide, l.in_wide, pairs.low);
        l.transposed = pairs;
    }
    return l;
}

static long rows_in(const Layer *layer, long chunk)
{
    long left = layer->rows - chunk * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

/* Reads a chunk into s.x; returns its rows, whole tiles of them. */
static int read_chunk(const Layer *layer, const float *x, long chunk, Scratch s)
{
    return split_rows(x + chunk * CHUNK * layer->in, rows_in(layer, chunk), layer->in,
                      layer->in_wide, s.x);
}

/* The same, and the map's rows in s.y. */
static int convolve(const Layer *layer, const float *x, long chunk, Scratch s)
{
    int rows = read_chunk(layer, x, chunk, s);
    multiply(s.x, layer->weight, rows, layer->in_wide, layer->out_wide, 0, s.y);
    return rows;
}

/* The chunks of a block: from `first` on, before the returned one. */
static long end_of(const Layer *layer, long first)
{
    long end = first + layer->chunks_per_block;
    return end < layer->chunks ? end : layer->chunks;
}

static void add_powers(const Layer *layer, Scratch s, int rows, const float *shift, double *totals)
{
    for (int c = 0; c < layer->out; c += LANES) {
        __m512 sum = _mm512_setzero_ps(), square = sum, from = _mm512_loadu_ps(shift + c);
        for (int row = 0; row < rows; row++) {
            __m512 value = _mm512_sub_ps(_mm512_loadu_ps(s.y + (long)row * layer->out_wide + c), from);
            sum = _mm512_add_ps(sum, value);
            square = _mm512_fmadd_ps(value, value, square);
        }
        for (int lane = 0; lane < LANES; lane++) {
            totals[c + lane] += sum[lane];
            totals[layer->out_wide + c + lane] += square[lane];
        }
    }
}

static void write_normalised(const Layer *layer, Scratch s, int rows, const float *scale,
                             const float *offset, int relu, float *y)
{
    __m512 least = _mm512_set1_ps(relu ? 0 : -INFINITY);
    for (long row = 0; row < rows; row++)
        for (int c = 0; c < layer->out; c += LANES) {
            __m512 value = _mm512_loadu_ps(s.y + row * layer->out_wide + c);
            value = _mm512_fmadd_ps(value, _mm512_loadu_ps(scale + c), _mm512_loadu_ps(offset + c));
            value = _mm512_max_ps(least, value); /* the second where it is no number */
            _mm512_mask_storeu_ps(y + row * layer->out + c, lanes_from(c, layer->out), value);
        }
}

/* What reaches the map through the ReLU: nothing where it was closed. */
static inline __m512 opened(__m512 y, __m512 dy, __m512 scale, __m512 offset, int relu)
{
    __mmask16 closed =
        _mm512_cmp_ps_mask(_mm512_fmadd_ps(y, scale, offset), _mm512_setzero_ps(), _CMP_LE_OQ);
    return relu ? _mm512_mask_mov_ps(dy, closed, _mm512_setzero_ps()) : dy;
}

static void add_gradients(const Layer *layer, Scratch s, int rows, const float *dy, long stride,
                          const float *scale, const float *offset, const float *mean, int relu,
                          double *totals)
{
    for (int c = 0; c < layer->out; c += LANES) {
        __mmask16 lanes = lanes_from(c, layer->out);
        __m512 sum = _mm512_setzero_ps(), product = sum, centre = _mm512_loadu_ps(mean + c);
        __m512 times = _mm512_loadu_ps(scale + c), plus = _mm512_loadu_ps(offset + c);
        for (long row = 0; row < rows; row++) {
            __m512 value = _mm512_loadu_ps(s.y + row * layer->out_wide + c);
            __m512 gradient = _mm512_maskz_loadu_ps(lanes, dy + row * stride + c);
            gradient = opened(value, gradient, times, plus, relu);
            sum = _mm512_add_ps(sum, gradient);
            product = _mm512_fmadd_ps(gradient, _mm512_sub_ps(value, centre), product);
        }
        for (int lane = 0; lane < LANES; lane++) {
            totals[c + lane] += sum[lane];
            totals[layer->out_wide + c + lane] += product[lane];
        }
    }
}

/* s.dy = scale * gradient + slope * y + constant. */
static void spread_gradients(const Layer *layer, Scratch s, int rows, const float *dy, long stride,
                             const float *scale, const float *offset, const float *slope,
                             const float *constant, int relu)
{
    for (long row = 0; row < rows; row++)
        for (int c = 0; c < layer->out_wide; c += TILE) {
            __m512 of[2];
            for (int half = 0; half < 2; half++) {
                int at = c + half * LANES;
                __m512 value = _mm512_loadu_ps(s.y + row * layer->out_wide + at);
                __m512 times = _mm512_loadu_ps(scale + at), plus = _mm512_loadu_ps(offset + at);
                __m512 gradient =
                    _mm512_maskz_loadu_ps(lanes_from(at, layer->out), dy + row * stride + at);
                gradient = opened(value, gradient, times, plus, relu);
                value = _mm512_fmadd_ps(value, _mm512_loadu_ps(slope + at),
                                        _mm512_loadu_ps(constant + at));
                of[half] = _mm512_fmadd_ps(gradient, times, value);
            }
            split(of[0], of[1], s.dy, row * layer->out_wide + c);
        }
    fill_up(s.dy, rows, layer->out_wide);
}

static void write_rows(const float *from, int wide, int rows, int width, float *to)
{
    for (long row = 0; row < rows; row++)
        for (int c = 0; c < width; c += LANES)
            _mm512_mask_storeu_ps(to + row * width + c, lanes_from(c, width),
                                  _mm512_loadu_ps(from + row * wide + c));
}

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
