/* Products of float matrices by the processor's matrix unit (AMX), in tiles of 16 x 16.
 *
 * The unit multiplies numbers of 8 bits of precision (bfloat16) and adds in float. A float is split
 * into two such numbers, x = high + low, and a product is high * high + high * low + low * high: off
 * by 2^-17 of a term, where float is off by 2^-24. Three products are still several times as fast as
 * one of the vector units.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define TILE 32 /* rows and columns of four tiles, and the depth of one */

typedef uint16_t Half;
typedef struct {
    Half *high, *low;
} Split; /* a matrix as the sum of two */

static int round_up(int width)
{
    return (width + TILE - 1) / TILE * TILE;
}

/* Shapes the tiles of this thread. */
static void configure(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int tile = 0; tile < 8; tile++) {
        shape.bytes[tile] = 64;
        shape.rows[tile] = 16;
    }
    __asm__ volatile("" : : "m"(shape) : "memory"); /* the intrinsics do not say that they read */
    _tile_loadconfig(&shape);
}

static inline __mmask16 lanes_from(int column, int width)
{
    int left = width - column;
    return left >= LANES ? 0xffff : left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

static inline __m512 widen(__m256i halves)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* Writes 32 floats as the sum of two matrices. */
static inline void split(__m512 first, __m512 second, Split to, long at)
{
    __m512i high = (__m512i)_mm512_cvtne2ps_pbh(second, first);
    first = _mm512_sub_ps(first, widen(_mm512_castsi512_si256(high)));
    second = _mm512_sub_ps(second, widen(_mm512_extracti64x4_epi64(high, 1)));
    _mm512_storeu_si512(to.high + at, high);
    _mm512_storeu_si512(to.low + at, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/* Zeros in the rows behind `count`, up to whole tiles. */
static int fill_up(Split to, int count, int wide)
{
    int rows = round_up(count);
    memset(to.high + (long)count * wide, 0, (size_t)(rows - count) * wide * sizeof(Half));
    memset(to.low + (long)count * wide, 0, (size_t)(rows - count) * wide * sizeof(Half));
    return rows;
}

/* x (count, width) as `to` (rows, wide); returns rows. */
static int split_rows(const float *x, int count, int width, int wide, Split to)
{
    for (long row = 0; row < count; row++, x += width)
        for (int c = 0; c < wide; c += TILE)
            split(_mm512_maskz_loadu_ps(lanes_from(c, width), x + c),
                  _mm512_maskz_loadu_ps(lanes_from(c + LANES, width), x + c + LANES), to,
                  row * wide + c);
    return fill_up(to, count, wide);
}

/* Rows 2 k and 2 k + 1 of (rows, wide) as one row of pairs. */
static inline __m512i pair(const Half *rows, int wide)
{
    __m512i first = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)rows));
    __m512i second = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(rows + wide)));
    return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

static void pair_rows(const Half *from, int rows, int wide, Half *to)
{
    for (int row = 0; row < rows; row += 2)
        for (int c = 0; c < wide; c += LANES)
            _mm512_storeu_si512(to + (long)row * wide + 2 * c, pair(from + (long)row * wide + c, wide));
}

static void transpose(__m512i v[16])
{
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            v[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
            v[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
        }
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0xdd);
        }
    for (int j = 0; j < 8; j++) {
        v[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
        v[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
    }
}

/* (rows, wide) as (wide, rows); both are multiples of 32. */
static void transpose_rows(const Half *from, int rows, int wide, Half *to)
{
    for (int row = 0; row < rows; row += TILE)
        for (int c = 0; c < wide; c += LANES) {
            __m512i v[16];
            for (int k = 0; k < 16; k++)
                v[k] = pair(from + (long)(row + 2 * k) * wide + c, wide);
            transpose(v);
            for (int k = 0; k < 16; k++)
                _mm512_storeu_si512(to + (long)(c + k) * rows + row, v[k]);
        }
}

/* c (rows, width) = a (rows, depth) times b (depth, width), or that much more of it if `add`.
 * b has its rows in pairs; all sizes are multiples of 32. */
static __attribute__((noinline)) void multiply(Split a, Split b, int rows, int depth, int width,
                                               int add, float *c)
{
    long of_a = 2L * depth, of_b = 4L * width, of_c = 4L * width; /* bytes from row to row */
    __asm__ volatile("" : : : "memory");
    for (int row = 0; row < rows; row += TILE)
        for (int column = 0; column < width; column += TILE) {
            float *at = c + (long)row * width + column, *below = at + (long)LANES * width;
            if (add) {
                _tile_loadd(0, at, of_c);
                _tile_loadd(1, at + LANES, of_c);
                _tile_loadd(2, below, of_c);
                _tile_loadd(3, below + LANES, of_c);
            } else {
                _tile_zero(0);
                _tile_zero(1);
                _tile_zero(2);
                _tile_zero(3);
            }
            for (int k = 0; k < depth; k += TILE) {
                long in_a = (long)row * depth + k, lower = in_a + (long)LANES * depth;
                long in_b = (long)k * width + 2 * column;
                _tile_loadd(4, a.low + in_a, of_a);
                _tile_loadd(6, b.high + in_b, of_b);
                _tile_loadd(7, b.high + in_b + TILE, of_b);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, a.low + lower, of_a);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
                _tile_loadd(4, a.high + in_a, of_a);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, a.high + lower, of_a);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
                _tile_loadd(6, b.low + in_b, of_b);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(2, 5, 6);
                _tile_loadd(7, b.low + in_b + TILE, of_b);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, at, of_c);
            _tile_stored(1, at + LANES, of_c);
            _tile_stored(2, below, of_c);
            _tile_stored(3, below + LANES, of_c);
        }
    __asm__ volatile("" : : : "memory");
}
