/* A spiking network as events: what a rate-coded image does at a step differs from round(x) at few pixels, and only those are added.
 *
 * Neurons are taken in blocks of 64 and pixels in pieces, so that a block's weights of a piece lie in the L2 cache while all images
 * pass; the 64 input currents of an image stay in registers, their spikes are the bits of one word. Every sum has one order, whatever
 * the number of threads. Vectors are the compiler's (gcc, clang), as wide as the processor's. Called by events.py, which checks shapes.
 *
 * Names: N images, P pixels, T steps, H hidden neurons, C classes; `up` pixels round to 1, a flip is a step at which a pixel differs
 * from that. A part is one image's share of one piece of pixels; it has a row of `list` and of `offset` (see `draw`).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX__
#define L 8
typedef uint8_t lane;
#else
#define L 4
typedef uint16_t lane;
#endif
enum { BLOCK = 64, V = BLOCK / L, CLASSES = 16, LANES = 16 };
typedef float vf __attribute__((vector_size(4 * L), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * L), aligned(4), may_alias));
typedef lane vl __attribute__((vector_size(sizeof(lane) * L)));
#define EACH(j, n) _Pragma("GCC unroll 16") for (int j = 0; j < (n); j++)

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t whole, int64_t size) { return (whole + size - 1) / size; }
static void *room(int64_t bytes) { return aligned_alloc(64, parts(bytes, 64) * 64); }

/* Bit i of a word of spikes is this column of its block: `fire` gives a lane of the V vectors the bits of one `lane`. */
static int column(int bit) { return bit % V * L + bit / V; }

/* Philox4x32-10 (Salmon et al. 2011): counters in, random words out. */
void philox(uint32_t c[4][LANES], uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
        for (int l = 0; l < LANES; l++) {
            uint64_t a = (uint64_t)c[0][l] * 0xD2511F53, b = (uint64_t)c[2][l] * 0xCD9E8D57;
            c[0][l] = (uint32_t)(b >> 32) ^ c[1][l] ^ k0;
            c[2][l] = (uint32_t)(a >> 32) ^ c[3][l] ^ k1;
            c[1][l] = (uint32_t)b;
            c[3][l] = (uint32_t)a;
        }
}

/* The events of each part: in `list` the pixels (counted from the piece's first) that are up, then for each step those that flip up, then
 * those that flip down; in `offset`, 2 T + 2 numbers, where each of these lists begins and the last ends. A pixel spikes where a random
 * word is below ceil(x 2^32). The words are Philox's, counter (pixel, image, step / 4, 0), or those of `fixed`, " time pixels". */
void draw(const float *x, const int64_t *image, int64_t N, int64_t P, int64_t T, int64_t piece, uint64_t key, const uint32_t *fixed,
          uint16_t *list, int32_t *offset, int64_t threads) {
    int64_t pieces = parts(P, piece), wide = piece + LANES;
#pragma omp parallel num_threads(threads)
    {
        uint16_t *flips = room(2 * T * wide * 2), *grey = room(2 * wide * 2);
        uint32_t *rare = room(2 * wide * 4);
        int32_t *count = room(2 * T * 4);
#pragma omp for schedule(static)
        for (int64_t u = 0; u < N * pieces; u++) {
            int64_t n = u / pieces, first = u % pieces * piece, here = least(piece, P - first), number[2] = {0, 0}, at = 0;
            uint16_t *row = list + u * piece * (T + 1);
            int32_t *start = offset + u * (2 * T + 2);
            *start++ = 0;
            for (int64_t p = 0; p < here; p++) {
                float v = x[n * P + first + p];
                if (!(v > 0)) continue;
                int up = v > 0.5f;
                if (up) row[at++] = p;
                if (v >= 1) continue;
                uint32_t spike = (uint32_t)ceilf(v * 4294967296.0f);
                int64_t g = up * wide + number[up]++;
                grey[g] = p;
                rare[g] = up ? -spike : spike; /* word >= spike is ~word < 2^32 - spike */
            }
            memset(count, 0, 2 * T * 4);
            for (int up = 0; up < 2; up++)
                for (int64_t g = 0; g < number[up]; g += LANES) {
                    uint16_t pixel[LANES];
                    uint32_t below[LANES], c[4][LANES];
                    for (int l = 0; l < LANES; l++) {
                        int real = g + l < number[up];
                        pixel[l] = real ? grey[up * wide + g + l] : 0;
                        below[l] = real ? rare[up * wide + g + l] : 0;
                    }
                    for (int64_t quad = 0; 4 * quad < T; quad++) {
                        int64_t steps = least(4, T - 4 * quad);
                        for (int l = 0; l < LANES; l++) {
                            c[0][l] = first + pixel[l], c[1][l] = image[n], c[2][l] = quad, c[3][l] = 0;
                            if (fixed)
                                for (int s = 0; s < steps; s++) c[s][l] = fixed[(4 * quad + s) * P + first + pixel[l]];
                        }
                        if (!fixed) philox(c, (uint32_t)key, (uint32_t)(key >> 32));
                        for (int s = 0; s < steps; s++) {
                            int64_t t = 2 * (4 * quad + s) + up;
                            uint16_t *to = flips + t * wide + count[t], *begin = to;
                            for (int l = 0; l < LANES; l++) {
                                *to = pixel[l];
                                to += (c[s][l] ^ -(uint32_t)up) < below[l];
                            }
                            count[t] += to - begin;
                        }
                    }
                }
            for (int64_t t = 0; t < 2 * T; t++) {
                *start++ = at;
                memcpy(row + at, flips + t * wide, count[t] * 2);
                at += count[t];
            }
            *start = at;
        }
        free(flips), free(grey), free(rare), free(count);
    }
}

/* The spikes themselves, " time batch pixels". */
void spikes(const uint16_t *list, const int32_t *offset, int64_t N, int64_t P, int64_t T, int64_t piece, float *out, int64_t threads) {
    int64_t pieces = parts(P, piece);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t u = 0; u < N * pieces; u++)
        for (int64_t t = 0; t < T; t++) {
            int64_t first = u % pieces * piece;
            const uint16_t *row = list + u * piece * (T + 1);
            const int32_t *start = offset + u * (2 * T + 2);
            float *to = out + (t * N + u / pieces) * P + first;
            memset(to, 0, least(piece, P - first) * 4);
            for (int32_t e = 0; e < start[1]; e++) to[row[e]] = 1;
            for (int32_t e = start[2 * t + 1]; e < start[2 * t + 3]; e++) to[row[e]] = e < start[2 * t + 2];
        }
}

/* sum += the rows of `table`, BLOCK wide, that are listed from a to b; `less` subtracts them. */
static inline void more(vf sum[V], const float *table, const uint16_t *list, int32_t a, int32_t b) {
    for (const uint16_t *e = list + a; e < list + b; e++) {
        const vf *row = (const vf *)(table + (int64_t)*e * BLOCK);
        EACH(j, V) sum[j] += row[j];
    }
}
static inline void less(vf sum[V], const float *table, const uint16_t *list, int32_t a, int32_t b) {
    for (const uint16_t *e = list + a; e < list + b; e++) {
        const vf *row = (const vf *)(table + (int64_t)*e * BLOCK);
        EACH(j, V) sum[j] -= row[j];
    }
}

/* One step of V vectors of neurons: mem becomes beta mem + current - height where it spiked; the spikes as a word. */
static inline uint64_t fire(vf mem[V], vi spk[V], const vf current[V], float beta, float threshold, float height) {
    vi bits = {0};
    vf lower = (vf){0} + height;
    EACH(j, V) {
        mem[j] = beta * mem[j] + current[j] - (vf)(spk[j] & (vi)lower);
        spk[j] = mem[j] > threshold;
        bits |= spk[j] & (1 << j);
    }
    uint64_t word;
    vl narrow = __builtin_convertvector(bits, vl);
    memcpy(&word, &narrow, 8);
    return word;
}

/* A block's columns of a piece of pixels, " pixels BLOCK", from rows h0.. of a matrix " H P" from pixel p0 on; and back. */
static void pack(float *table, const float *weight, int64_t h0, int64_t H, int64_t p0, int64_t here, int64_t P) {
    for (int64_t p = 0; p < here; p += L)
        for (int64_t j = 0; j < BLOCK; j++)
            for (int64_t q = p; q < least(p + L, here); q++) table[q * BLOCK + j] = h0 + j < H ? weight[(h0 + j) * P + p0 + q] : 0;
}
static void unpack(const float *table, float *weight, int64_t h0, int64_t H, int64_t P) {
    for (int64_t p = 0; p < P; p += L)
        for (int64_t j = 0; j < least(BLOCK, H - h0); j++)
            for (int64_t q = p; q < least(p + L, P); q++) weight[(h0 + j) * P + q] = table[q * BLOCK + j];
}

/* Spikes of the hidden layer, a word for each block, image and step; its membranes too unless `kept` is null. */
void hidden(const uint16_t *list, const int32_t *offset, int64_t N, int64_t P, int64_t T, int64_t piece, const float *weight,
            const float *bias, int64_t H, float beta, float threshold, float height, uint64_t *words, float *kept, int64_t threads) {
    int64_t pieces = parts(P, piece);
#pragma omp parallel num_threads(threads)
    {
        float *table = room(piece * BLOCK * 4), *own = kept || pieces == 1 ? NULL : room(N * T * BLOCK * 4);
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = 0; b < parts(H, BLOCK); b++) {
            vf *sums = (vf *)(kept ? kept + b * N * T * BLOCK : own);
            for (int64_t k = 0; k < pieces; k++) {
                int64_t first = k * piece, here = least(piece, P - first);
                float rest[BLOCK];
                for (int j = 0; j < BLOCK; j++) rest[j] = b * BLOCK + j < H && k == 0 ? bias[b * BLOCK + j] : 0;
                pack(table, weight, b * BLOCK, H, first, here, P);
                for (int64_t n = 0; n < N; n++) {
                    const uint16_t *row = list + (n * pieces + k) * piece * (T + 1);
                    const int32_t *start = offset + (n * pieces + k) * (2 * T + 2);
                    vf base[V], mem[V];
                    vi spk[V];
                    EACH(j, V) base[j] = ((vf *)rest)[j], mem[j] = (vf){0}, spk[j] = (vi){0};
                    more(base, table, row, start[0], start[1]);
                    for (int64_t t = 0; t < T; t++) {
                        vf *sum = sums + (n * T + t) * V, current[V];
                        EACH(j, V) current[j] = base[j];
                        if (k) EACH(j, V) current[j] += sum[j];
                        more(current, table, row, start[2 * t + 1], start[2 * t + 2]);
                        less(current, table, row, start[2 * t + 2], start[2 * t + 3]);
                        if (k == pieces - 1) {
                            words[(b * N + n) * T + t] = fire(mem, spk, current, beta, threshold, height);
                            EACH(j, V) current[j] = mem[j];
                        }
                        if (sums) EACH(j, V) sum[j] = current[j];
                    }
                }
            }
        }
        free(table), free(own);
    }
}

/* Spikes and membranes of the output layer, both " time batch classes", from the words of the hidden one. */
void output(const uint64_t *words, int64_t N, int64_t T, int64_t H, int64_t C, const float *weight, const float *bias, float beta,
            float threshold, float height, float *spk, float *mem, int64_t threads) {
    int64_t blocks = parts(H, BLOCK), chunks = parts(C, CLASSES);
    float *table = room(chunks * blocks * BLOCK * CLASSES * 4); /* weights as " chunk bit class" */
    for (int64_t c = 0; c < chunks * CLASSES; c++)
        for (int64_t i = 0; i < blocks * BLOCK; i++) {
            int64_t h = i / BLOCK * BLOCK + column(i % BLOCK);
            table[(c / CLASSES * blocks * BLOCK + i) * CLASSES + c % CLASSES] = c < C && h < H ? weight[c * H + h] : 0;
        }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t u = 0; u < N * chunks; u++) {
        int64_t n = u / chunks, first = u % chunks * CLASSES;
        float m[CLASSES] = {0}, s[CLASSES] = {0};
        for (int64_t t = 0; t < T; t++) {
            vf sum[CLASSES / L];
            EACH(j, CLASSES / L) sum[j] = (vf){0};
            for (int64_t b = 0; b < blocks; b++)
                for (uint64_t word = words[(b * N + n) * T + t]; word; word &= word - 1) {
                    const vf *row = (const vf *)(table + (((first / CLASSES) * blocks + b) * BLOCK + __builtin_ctzll(word)) * CLASSES);
                    EACH(j, CLASSES / L) sum[j] += row[j];
                }
            for (int c = 0; c < least(CLASSES, C - first); c++) {
                m[c] = beta * m[c] + (((float *)sum)[c] + bias[first + c]) - height * s[c];
                s[c] = m[c] > threshold;
                mem[(t * N + n) * C + first + c] = m[c];
                spk[(t * N + n) * C + first + c] = s[c];
            }
        }
    }
    free(table);
}

/* Gradients of both layers' weights and biases from those of the output layer's spikes and membranes (either may be null). The
 * current's gradient is that of the membrane, dU[t] = dS[t] / (1 + slope |U[t] - threshold|)^2 + beta dU[t + 1]; a row of the hidden
 * weights' gradient is a sum of such rows over the pixel's events. Images are taken in groups whose rows fit the L2 cache; `list` and
 * `offset` are the events of `draw`, `plan` and `place` room for the same by group, piece and pixel. */
void backward(const uint16_t *list, const int32_t *offset, uint16_t *plan, int32_t *place, int64_t N, int64_t P, int64_t T, int64_t piece,
              int64_t group, const uint64_t *words, const float *kept, int64_t H, int64_t C, const float *weight2, const float *mem2,
              const float *dspk2, const float *dmem2, float beta, float threshold, float slope, float *dweight, float *dbias,
              float *dweight2, float *dbias2, int64_t threads) {
    int64_t pieces = parts(P, piece), groups = parts(N, group), wide = parts(C, CLASSES) * CLASSES, rows = T + 1;
    float *d2 = room(N * T * wide * 4); /* gradient of the output currents */
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int64_t n = 0; n < N; n++)
            for (int64_t c = 0; c < wide; c++) {
                float d = 0;
                for (int64_t t = T - 1; t >= 0; t--) {
                    int64_t i = (t * N + n) * C + c;
                    if (c < C) {
                        float q = 1 + slope * fabsf(mem2[i] - threshold);
                        d = (dspk2 ? dspk2[i] / (q * q) : 0) + (dmem2 ? dmem2[i] : 0) + beta * d;
                    }
                    d2[(n * T + t) * wide + c] = d;
                }
            }
#pragma omp for schedule(static)
        for (int64_t c = 0; c < C; c++) {
            dbias2[c] = 0;
            for (int64_t i = 0; i < N * T; i++) dbias2[c] += d2[i * wide + c];
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t u = 0; u < groups * pieces; u++) { /* events by pixel: added rows, then subtracted ones; row T is the sum of the others */
            int64_t k = u % pieces, n0 = u / pieces * group, n1 = least(n0 + group, N);
            int32_t *at = place + u * (2 * piece + 2);
            memset(at, 0, (2 * piece + 2) * 4);
            for (int fill = 0; fill < 2; fill++) {
                for (int64_t n = n0; n < n1; n++) {
                    const uint16_t *row = list + (n * pieces + k) * piece * rows;
                    const int32_t *start = offset + (n * pieces + k) * 2 * rows;
                    for (int64_t i = 0; i <= 2 * T; i++) {
                        int64_t t = i ? (i - 1) / 2 : T, less = i && i % 2 == 0;
                        for (int32_t e = start[i]; e < start[i + 1]; e++) {
                            int32_t *next = at + 2 * row[e] + less + 1 + !fill;
                            if (fill) plan[u * group * piece * rows + *next] = (n - n0) * rows + t;
                            ++*next;
                        }
                    }
                }
                if (!fill)
                    for (int64_t i = 1; i < 2 * piece + 2; i++) at[i] += at[i - 1];
            }
        }
        float *table = room(group * rows * BLOCK * 4), *dw = room(P * BLOCK * 4), *dw2 = room(BLOCK * wide * 4), *w2 = room(C * BLOCK * 4);
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = 0; b < parts(H, BLOCK); b++) {
            int64_t here = least(BLOCK, H - b * BLOCK);
            vf db[V];
            EACH(j, V) db[j] = (vf){0};
            memset(dw, 0, P * BLOCK * 4), memset(dw2, 0, BLOCK * wide * 4), memset(w2, 0, C * BLOCK * 4);
            for (int64_t c = 0; c < C; c++) memcpy(w2 + c * BLOCK, weight2 + c * H + b * BLOCK, here * 4);
            for (int64_t g = 0; g < groups; g++) {
                for (int64_t n = g * group; n < least((g + 1) * group, N); n++) {
                    vf d[V], all[V], *row = (vf *)table + (n - g * group) * rows * V;
                    EACH(j, V) d[j] = all[j] = (vf){0};
                    for (int64_t t = T - 1; t >= 0; t--) {
                        const float *dcurrent = d2 + (n * T + t) * wide;
                        const vf *mem = (const vf *)kept + ((b * N + n) * T + t) * V;
                        vf dspk[V];
                        EACH(j, V) dspk[j] = (vf){0};
                        for (int64_t c = 0; c < C; c++) EACH(j, V) dspk[j] += dcurrent[c] * ((vf *)w2)[c * V + j];
                        EACH(j, V) {
                            vf q = 1 + slope * (vf)((vi)(mem[j] - threshold) & 0x7fffffff);
                            row[t * V + j] = d[j] = dspk[j] / (q * q) + beta * d[j];
                            all[j] += d[j];
                        }
                        for (uint64_t word = words[(b * N + n) * T + t]; word; word &= word - 1) {
                            float *to = dw2 + __builtin_ctzll(word) * wide;
                            for (int64_t c = 0; c < wide; c++) to[c] += dcurrent[c];
                        }
                    }
                    EACH(j, V) row[T * V + j] = all[j], db[j] += all[j];
                }
                for (int64_t p = 0; p < P; p++) {
                    int64_t u = g * pieces + p / piece;
                    const int32_t *at = place + u * (2 * piece + 2) + 2 * (p % piece);
                    vf sum[V], *to = (vf *)dw + p * V;
                    EACH(j, V) sum[j] = to[j];
                    more(sum, table, plan + u * group * piece * rows, at[0], at[1]);
                    less(sum, table, plan + u * group * piece * rows, at[1], at[2]);
                    EACH(j, V) to[j] = sum[j];
                }
            }
            unpack(dw, dweight, b * BLOCK, H, P);
            memcpy(dbias + b * BLOCK, db, here * 4);
            for (int i = 0; i < BLOCK; i++)
                for (int64_t c = 0; c < C && column(i) < here; c++) dweight2[c * H + b * BLOCK + column(i)] = dw2[i * wide + c];
        }
        free(table), free(dw), free(dw2), free(w2);
    }
    free(d2);
}
