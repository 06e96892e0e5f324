"""The geometric inner loops of the renderer, compiled by numba: normals, skinning, rasteriser, texels.

Decisions: plain scalar loops, no fastmath and one thread, so that a picture is the same on every machine and for any
number of processes, and so that tests compare each loop with an array-at-a-time numpy version. Buffers are float32,
sums inside a pixel float64. Pixel centres lie at +0.5; the z-buffer keeps the largest inverse depth; a triangle is seen
from its front if it runs counter-clockwise in 3-D, which is clockwise (negative area) with the image's y downwards.
"""

import math

import numpy as np

from sanreid.compiled import njit

compiled = njit(cache=True, error_model="numpy")  # no check for division by zero in every pixel


@compiled
def vertex_normals(vertices, faces):
    """Unit normals (n, 3) of `vertices` (n, 3), the area-weighted means over the triangles `faces` (m, 3)."""
    normals = np.zeros(vertices.shape, np.float32)
    for k in range(faces.shape[0]):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
        vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for i in range(len(normals)):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2 + 1e-20)
        for q in range(3):
            normals[i, q] /= length
    return normals


@compiled
def skin(vertices, normals, weights, bones, transforms):
    """Linear blend skinning; weights (n, 9) run from large to small.

    `transforms` (bones, 3, 4) map the rest pose to the posed one. Returns posed vertices and normals, both (n, 3).
    """
    posed = np.empty(vertices.shape, np.float32)
    turned = np.empty(vertices.shape, np.float32)
    blend = np.empty((3, 4), np.float32)
    for i in range(vertices.shape[0]):
        blend[:] = 0
        for j in range(weights.shape[1]):
            w = weights[i, j]
            if w <= 0:
                break
            bone = bones[i, j]
            for r in range(3):
                for c in range(4):
                    blend[r, c] += w * transforms[bone, r, c]
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        for r in range(3):
            posed[i, r] = blend[r, 0] * x + blend[r, 1] * y + blend[r, 2] * z + blend[r, 3]
            turned[i, r] = blend[r, 0] * nx + blend[r, 1] * ny + blend[r, 2] * nz
    return posed, turned


@compiled
def project(vertices, rotation, eye):
    """Pinhole projection at focal length 1: (n, 3) of image x, image y (down) and inverse depth."""
    points = np.empty(vertices.shape, np.float32)
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0] - eye[0], vertices[i, 1] - eye[1], vertices[i, 2] - eye[2]
        inverse = 1 / (rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z)
        points[i, 0] = (rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z) * inverse
        points[i, 1] = (rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z) * inverse
        points[i, 2] = inverse
    return points


@compiled
def extent(points, used):
    """Smallest and largest x, y, z, each (3,), of the points (n, 3) where used (n,) is true."""
    low, high = np.full(3, np.inf, np.float32), np.full(3, -np.inf, np.float32)
    for i in range(len(points)):
        if used[i]:
            for q in range(3):
                low[q] = min(low[q], points[i, q])
                high[q] = max(high[q], points[i, q])
    return low, high


@compiled
def covered_box(triangle, top):
    """First and last row and column (rows from `top`) with a triangle: x0, y0, x1, y1, ends included."""
    height, width = triangle.shape
    x0, y0, x1, y1 = width, height, -1, -1
    for y in range(top, height):
        for x in range(width):
            if triangle[y, x] >= 0:
                x0, x1 = min(x0, x), max(x1, x)
                y0, y1 = min(y0, y), y
    return x0, y0, x1, y1


@compiled
def rasterise(points, faces, height, width):
    """Z-buffer the front faces of a projected mesh.

    points (n, 3): pixel x, pixel y, inverse depth. Returns inverse depth (H, W) float32, 0 where empty; triangle
    (H, W) int32, -1 where empty; the first two barycentric coordinates (H, W, 2) float32.
    """
    depth = np.zeros((height, width), np.float32)
    triangle = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 2), np.float32)
    for k in range(faces.shape[0]):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        xa, ya = np.float64(points[a, 0]), np.float64(points[a, 1])
        xb, yb = np.float64(points[b, 0]), np.float64(points[b, 1])
        xc, yc = np.float64(points[c, 0]), np.float64(points[c, 1])
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area >= 0:
            continue
        inverse = 1 / area  # the barycentric coordinates are linear in x and y: slopes and offsets
        ax, ay, a0 = (yb - yc) * inverse, (xc - xb) * inverse, (xb * yc - xc * yb) * inverse
        bx, by, b0 = (yc - ya) * inverse, (xa - xc) * inverse, (xc * ya - xa * yc) * inverse
        left, right = max(0, math.ceil(min(xa, xb, xc) - 0.5)), min(width - 1, math.floor(max(xa, xb, xc) - 0.5))
        top, bottom = max(0, math.ceil(min(ya, yb, yc) - 0.5)), min(height - 1, math.floor(max(ya, yb, yc) - 0.5))
        za, zb, zc = np.float64(points[a, 2]), np.float64(points[b, 2]), np.float64(points[c, 2])
        for y in range(top, bottom + 1):
            py = y + 0.5
            row_a, row_b = ay * py + a0, by * py + b0
            for x in range(left, right + 1):
                px = x + 0.5
                wa, wb = ax * px + row_a, bx * px + row_b
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = np.float32(wa * za + wb * zb + wc * zc)
                if z > depth[y, x]:
                    depth[y, x] = z
                    triangle[y, x] = k
                    barycentric[y, x, 0] = wa
                    barycentric[y, x, 1] = wb
    return depth, triangle, barycentric


@compiled
def texel_map(uv, uv_faces, size):
    """Which triangle lies first on each texel of a texture (size, size): -1 where none; and barycentric (.., 2)."""
    triangle = np.full((size, size), -1, np.int32)
    barycentric = np.zeros((size, size, 2), np.float32)
    for k in range(uv_faces.shape[0]):
        xa, ya = uv[uv_faces[k, 0], 0] * size, uv[uv_faces[k, 0], 1] * size
        xb, yb = uv[uv_faces[k, 1], 0] * size, uv[uv_faces[k, 1], 1] * size
        xc, yc = uv[uv_faces[k, 2], 0] * size, uv[uv_faces[k, 2], 1] * size
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-12:
            continue
        for y in range(max(0, int(min(ya, yb, yc) - 1)), min(size - 1, int(max(ya, yb, yc) + 1)) + 1):
            for x in range(max(0, int(min(xa, xb, xc) - 1)), min(size - 1, int(max(xa, xb, xc) + 1)) + 1):
                px, py = x + 0.5, y + 0.5
                wa = ((xb - px) * (yc - py) - (xc - px) * (yb - py)) / area
                wb = ((xc - px) * (ya - py) - (xa - px) * (yc - py)) / area
                if triangle[y, x] < 0 and wa >= -1e-4 and wb >= -1e-4 and 1 - wa - wb >= -1e-4:
                    triangle[y, x] = k
                    barycentric[y, x, 0] = wa
                    barycentric[y, x, 1] = wb
    return triangle, barycentric


@compiled
def texels_seen(points, faces, triangle, barycentric, depth):
    """Where each texel falls in the picture and whether it is seen: x, y (float32, in samples) and seen (bool).

    triangle (t,), barycentric (t, 2): the texel's place on the mesh. Seen: front-facing, inside the picture, and not
    further behind the z-buffer than half a percent.
    """
    count = triangle.shape[0]
    xs, ys = np.empty(count, np.float32), np.empty(count, np.float32)
    seen = np.zeros(count, np.bool_)
    height, width = depth.shape
    for i in range(count):
        k = triangle[i]
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        wa, wb = barycentric[i, 0], barycentric[i, 1]
        wc = 1 - wa - wb
        x = wa * points[a, 0] + wb * points[b, 0] + wc * points[c, 0]
        y = wa * points[a, 1] + wb * points[b, 1] + wc * points[c, 1]
        xs[i], ys[i] = x, y
        area = (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1])
        area -= (points[c, 0] - points[a, 0]) * (points[b, 1] - points[a, 1])
        if area >= 0 or x < 0 or y < 0 or x >= width or y >= height:
            continue
        z = wa * points[a, 2] + wb * points[b, 2] + wc * points[c, 2]
        seen[i] = z > depth[int(y), int(x)] * 0.995
    return xs, ys, seen
