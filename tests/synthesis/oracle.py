"""The renderer's loops once more in plain numpy, from their definition: what tests and benchmark compare with."""

import numpy as np


def rasterise(points, faces, height, width):
    """Triangle by triangle, its bounding box as one array; float64 inside, like the kernel."""
    depth = np.zeros((height, width), np.float32)
    triangle = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 2), np.float32)
    for k, corners in enumerate(points[faces].astype(np.float64)):
        (xa, ya, za), (xb, yb, zb), (xc, yc, zc) = corners.tolist()
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area >= 0:
            continue
        left, right = int(max(0, np.ceil(min(xa, xb, xc) - 0.5))), int(min(width - 1, np.floor(max(xa, xb, xc) - 0.5)))
        top, bottom = int(max(0, np.ceil(min(ya, yb, yc) - 0.5))), int(min(height - 1, np.floor(max(ya, yb, yc) - 0.5)))
        if left > right or top > bottom:
            continue
        px, py = np.arange(left, right + 1)[None] + 0.5, np.arange(top, bottom + 1)[:, None] + 0.5
        inverse = 1 / area
        wa = (yb - yc) * inverse * px + ((xc - xb) * inverse * py + (xb * yc - xc * yb) * inverse)
        wb = (yc - ya) * inverse * px + ((xa - xc) * inverse * py + (xc * ya - xa * yc) * inverse)
        wc = 1 - wa - wb
        z = (wa * za + wb * zb + wc * zc).astype(np.float32)
        window = slice(top, bottom + 1), slice(left, right + 1)
        nearer = (wa >= 0) & (wb >= 0) & (wc >= 0) & (z > depth[window])
        depth[window][nearer] = z[nearer]
        triangle[window][nearer] = k
        barycentric[window][nearer] = np.stack([wa, wb], -1)[nearer]
    return depth, triangle, barycentric


def shade(triangle, barycentric, faces, uv_faces, uv, normals, texture, light, ambient, diffuse):
    """All covered pixels at once."""
    out = np.zeros((*triangle.shape, 3), np.float32)
    rows, columns = np.nonzero(triangle >= 0)
    k = triangle[rows, columns]
    weights = barycentric[rows, columns].astype(np.float64)
    weights = np.concatenate([weights, 1 - weights.sum(1, keepdims=True)], 1)[..., None]
    place = (uv[uv_faces[k]].astype(np.float64) * weights).sum(1) * len(texture) - 0.5
    normal = (normals[faces[k]].astype(np.float64) * weights).sum(1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    strength = ambient * (0.75 + 0.25 * normal[:, 2]) + diffuse * np.maximum(0, 0.7 * (normal @ light) + 0.3)
    low = np.clip(np.floor(place), 0, len(texture) - 2).astype(int)
    share = (place - np.floor(place))[..., None]
    corner = [[texture[low[:, 1] + j, low[:, 0] + i] for i in (0, 1)] for j in (0, 1)]
    across = [c[0] * (1 - share[:, 0]) + c[1] * share[:, 0] for c in corner]
    colour = across[0] * (1 - share[:, 1]) + across[1] * share[:, 1]
    out[rows, columns] = colour * strength[:, None]
    return out


def skin(vertices, normals, weights, bones, transforms):
    """Blend the transforms of all vertices, then apply them."""
    blend = np.einsum("nj,njrc->nrc", weights.astype(np.float64), transforms[bones].astype(np.float64))
    posed = np.einsum("nrc,nc->nr", blend[..., :3], vertices) + blend[..., 3]
    return posed, np.einsum("nrc,nc->nr", blend[..., :3], normals)


def vertex_normals(vertices, faces):
    """Cross products of two edges, summed at the corners."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    cross = np.cross(b - a, c - a)
    out = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(out, faces[:, corner], cross)
    return out / np.sqrt((out**2).sum(1, keepdims=True) + 1e-20)


def composite(colour, triangle, background, step):
    """Means over blocks by reshaping."""
    height, width = background.shape[:2]
    covered = (triangle >= 0)[..., None]
    blocks = (height, step, width, step, -1)
    cover = covered.reshape(blocks).mean((1, 3))
    return (colour * covered).reshape(blocks).mean((1, 3), dtype=np.float64) + (1 - cover) * background


def respond(radiance, gain, curve, saturation, grain, noise):
    """Gain, tone, saturation, noise, rounding; one array operation each."""
    tone = curve[np.clip((radiance * gain * (len(curve) - 1)).astype(int), 0, len(curve) - 1)].astype(np.float64)
    grey = tone.mean(-1, keepdims=True)
    return np.clip((grey + (tone - grey) * saturation + grain * noise) * 255 + 0.5, 0, 255).astype(np.uint8)
