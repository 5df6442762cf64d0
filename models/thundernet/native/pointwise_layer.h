/* One 1x1 convolution of a batch, a chunk of its rows at a time: the weights in tiles, what a thread
 * works in, and what is done with a chunk while it is in the second-level cache.
 *
 * Shapes and sums are described in pointwise.c, which alone includes this.
 */
#include <math.h>
#include <stdlib.h>

#include "tiles.h"

#define CHUNK 128     /* rows at once: what is made of them stays in the second-level cache */
#define MAX_BLOCKS 16 /* parts of the rows with a gradient of the weights each */

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
