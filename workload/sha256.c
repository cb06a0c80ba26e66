/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/sha256.h"

#include <string.h>

#define BLOCK 64

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* Of the eight words a to h two change: d, and h, which is the next round's a. */
#define ROUND(a, b, c, d, e, f, g, h, word)                                                        \
	do {                                                                                       \
		(h) += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +                            \
		       (((e) & (f)) ^ (~(e) & (g))) + (word);                                      \
		(d) += (h);                                                                        \
		(h) += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +                            \
		       (((a) & (b)) ^ ((a) & (c)) ^ ((b) & (c)));                                  \
	} while (0)

static void absorb(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], s[8];

	for (size_t i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}

	memcpy(s, state, sizeof(s));
	/* One round after the other, without moving a word: each takes the place of the last. */
	for (int i = 0; i < 64; i += 8) {
		const uint32_t *k = constants + i, *x = w + i;

		ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], k[0] + x[0]);
		ROUND(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], k[1] + x[1]);
		ROUND(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], k[2] + x[2]);
		ROUND(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], k[3] + x[3]);
		ROUND(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], k[4] + x[4]);
		ROUND(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], k[5] + x[5]);
		ROUND(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], k[6] + x[6]);
		ROUND(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], k[7] + x[7]);
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_begin(struct sha256 *s)
{
	/* The same of the square roots of the first eight primes. */
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(s->state, first, sizeof(first));
	s->length = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t used = s->length % BLOCK, n = 0;

	s->length += length;
	if (used) {
		n = length < BLOCK - used ? length : BLOCK - used;
		memcpy(s->block + used, bytes, n);
		if (used + n < BLOCK)
			return;
		absorb(s->state, s->block);
	}
	for (; length - n >= BLOCK; n += BLOCK)
		absorb(s->state, bytes + n);
	if (n < length)
		memcpy(s->block, bytes + n, length - n);
}

void sha256_end(struct sha256 *s, char ret_hex[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t tail[2 * BLOCK] = {0};
	size_t rest = s->length % BLOCK, tail_length = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;

	memcpy(tail, s->block, rest);
	tail[rest] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		tail[tail_length - 1 - i] = (uint8_t)(s->length * 8 >> (8 * i));
	for (size_t i = 0; i < tail_length; i += BLOCK)
		absorb(s->state, tail + i);
	for (int i = 0; i < 64; i++)
		ret_hex[i] = digits[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	ret_hex[64] = '\0';
}

void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, data, length);
	sha256_end(&s, ret_hex);
}
