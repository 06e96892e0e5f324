"""The inner loops that make colours, compiled by numba: shading, compositing, a camera's response.

Decisions: as in kernels.py: scalar loops, one thread, no fastmath, equal to a numpy oracle. Colours are display values
in [0, 1] and light multiplies them: at surveillance quality the difference to linear light does not show.
"""

import math

import numpy as np

from sanreid.synthesis.kernels import compiled


@compiled
def shade(triangle, barycentric, faces, uv_faces, uv, normals, texture, light, ambient, diffuse):
    """Colour each covered pixel: bilinear texture times a sky-weighted ambient and a wrapped diffuse term.

    texture (S, S, 3), light (3,) a unit vector towards the light. Returns (H, W, 3) float32, zero where empty.
    """
    height, width = triangle.shape
    size = texture.shape[0]
    out = np.zeros((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            k = triangle[y, x]
            if k < 0:
                continue
            wa, wb = np.float64(barycentric[y, x, 0]), np.float64(barycentric[y, x, 1])
            wc = 1 - wa - wb
            a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
            ta, tb, tc = uv_faces[k, 0], uv_faces[k, 1], uv_faces[k, 2]
            u = (wa * uv[ta, 0] + wb * uv[tb, 0] + wc * uv[tc, 0]) * size - 0.5
            v = (wa * uv[ta, 1] + wb * uv[tb, 1] + wc * uv[tc, 1]) * size - 0.5
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            scale = 1 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            towards = (nx * light[0] + ny * light[1] + nz * light[2]) * scale
            strength = ambient * (0.75 + 0.25 * nz * scale) + diffuse * max(0.0, 0.7 * towards + 0.3)
            column = max(0, min(size - 2, math.floor(u)))
            row = max(0, min(size - 2, math.floor(v)))
            fu, fv = u - math.floor(u), v - math.floor(v)
            above, below = (1 - fv) * strength, fv * strength
            w00, w01, w10, w11 = (1 - fu) * above, fu * above, (1 - fu) * below, fu * below
            for q in range(3):
                upper = texture[row, column, q] * w00 + texture[row, column + 1, q] * w01
                out[y, x, q] = upper + texture[row + 1, column, q] * w10 + texture[row + 1, column + 1, q] * w11
    return out


@compiled
def composite(colour, triangle, background, step):
    """Average `step` x `step` samples to a pixel, over the background (H, W, 3); returns (H, W, 3) float32."""
    height, width = background.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    share = 1.0 / (step * step)
    for y in range(height):
        for x in range(width):
            red = green = blue = covered = 0.0
            for j in range(step):
                for i in range(step):
                    row, column = y * step + j, x * step + i
                    if triangle[row, column] >= 0:
                        covered += 1
                        red += colour[row, column, 0]
                        green += colour[row, column, 1]
                        blue += colour[row, column, 2]
            rest = 1 - covered * share
            out[y, x, 0] = red * share + rest * background[y, x, 0]
            out[y, x, 1] = green * share + rest * background[y, x, 1]
            out[y, x, 2] = blue * share + rest * background[y, x, 2]
    return out


@compiled
def respond(radiance, gain, curve, saturation, grain, noise):
    """A camera's answer (H, W, 3) uint8 to `radiance` (H, W, 3): gain, tone curve, saturation, noise.

    curve (n,) maps [0, 1] to [0, 1]; grain (H, W, 3) is unit noise; noise its strength.
    """
    height, width = radiance.shape[:2]
    last = len(curve) - 1
    out = np.empty((height, width, 3), np.uint8)
    tone = np.empty(3)
    for y in range(height):
        for x in range(width):
            for q in range(3):
                tone[q] = curve[min(last, max(0, int(radiance[y, x, q] * gain[q] * last)))]
            grey = (tone[0] + tone[1] + tone[2]) / 3
            for q in range(3):
                value = grey + (tone[q] - grey) * saturation + grain[y, x, q] * noise
                out[y, x, q] = np.uint8(min(255.0, max(0.0, value * 255 + 0.5)))
    return out
