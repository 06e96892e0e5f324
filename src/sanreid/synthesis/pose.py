"""Poses: procedural walking, standing and phoning, and forward kinematics for the 104 bones.

Decisions: rotations are about world axes of the rest pose at the bone's head, which needs no bone orientations; the
walk is a set of sinusoids at hip, knee, shoulder and elbow, which looks right at surveillance size. A garment narrows
the pose (`Limits`): a long skirt shortens the stride, a wide one keeps the arms away, a bag in the hand straightens the
arm.
"""

import math
from dataclasses import dataclass

import numpy as np

from sanreid.synthesis import body

KINDS = {"walk": 0.68, "stand": 0.22, "phone": 0.10}
RIGHT, BACK, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Limits:
    """What clothes and bags do to a pose."""

    stride: float = 1.0  # factor on the swing of the legs
    arms_out: float = 0.0  # degrees that the arms stay away from the body
    carrying: str | None = None  # "L" or "R": the hand that holds a bag
    joined_legs: bool = False  # a narrow skirt: knees stay together


def rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """The 3 x 3 matrix of a turn about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(degrees)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def transforms(heads: np.ndarray, turns: dict[str, np.ndarray]) -> np.ndarray:
    """Forward kinematics: skinning transforms (bones, 3, 4) float32 from the rest pose.

    heads (bones, 3) are the bones' heads; turns maps a bone's name to its rotation (3, 3) in the rest pose's axes.
    """
    skeleton = body.model()
    out = np.zeros((len(heads), 4, 4))
    for i, name in enumerate(skeleton.bone_names):
        parent = skeleton.parents[i]
        above = out[parent] if parent >= 0 else np.eye(4)
        turn = turns.get(name)
        if turn is None:
            out[i] = above
            continue
        local = np.eye(4)
        local[:3, :3] = turn
        local[:3, 3] = heads[i] - turn @ heads[i]
        out[i] = above @ local
    return np.ascontiguousarray(out[:, :3], np.float32)


def frontal(limits: Limits) -> dict[str, np.ndarray]:
    """The pose of aligned pictures: standing upright, arms a little away from the body."""
    turns = {}
    for side, sign in (("L", 1), ("R", -1)):
        turns[f"upperleg01.{side}"] = rotation(RIGHT, -2) @ rotation(BACK, sign * 4)
        turns[f"upperarm01.{side}"] = rotation(RIGHT, 4) @ rotation(BACK, sign * (30 - limits.arms_out / 2))
        turns[f"lowerarm01.{side}"] = rotation(RIGHT, 38)
    return turns


def sample(rng: np.random.Generator, limits: Limits, kind: str | None = None) -> dict[str, np.ndarray]:
    """A random pose of a kind of `KINDS` (drawn by its share where None), as rotations by bone."""
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind not in KINDS:
        raise ValueError(f"unknown pose {kind!r}: use one of {sorted(KINDS)}")
    phase = rng.uniform(0, 2 * math.pi)
    leg_swing = (rng.uniform(0, 4) if kind == "stand" else rng.uniform(14, 27)) * limits.stride
    arm_swing = rng.uniform(5, 28) if kind == "walk" else rng.uniform(0, 6)
    turns = {}
    for side, sign in (("L", 1), ("R", -1)):
        beat = phase if sign > 0 else phase + math.pi
        thigh = leg_swing * math.sin(beat)
        knee = 3 + (20 if limits.joined_legs else 45) * leg_swing / 25 * max(0.0, math.cos(beat))
        inward = sign * (5 if limits.joined_legs else rng.uniform(1, 6.5))  # the rest pose stands astride
        turns[f"upperleg01.{side}"] = rotation(RIGHT, -thigh - 2) @ rotation(BACK, inward)
        turns[f"lowerleg01.{side}"] = rotation(RIGHT, knee)
        turns[f"foot.{side}"] = rotation(RIGHT, 0.3 * (thigh - knee))
        down = sign * (rng.uniform(33, 44) - limits.arms_out)
        forward = -arm_swing * math.sin(beat)
        bend = rng.uniform(18, 44)
        if limits.carrying == side:
            forward, bend = 0.3 * forward, 40  # the rest pose bends the elbow by about as much: a straight arm
        turns[f"upperarm01.{side}"] = rotation(RIGHT, -forward + rng.uniform(4, 14)) @ rotation(BACK, down)
        turns[f"lowerarm01.{side}"] = rotation(RIGHT, bend - max(0.0, forward) * 0.8)
    if kind == "phone":
        side, sign = (
            ("R", -1) if limits.carrying == "L" or (limits.carrying is None and rng.random() < 0.5) else ("L", 1)
        )
        turns[f"upperarm01.{side}"] = rotation(RIGHT, -rng.uniform(5, 30)) @ rotation(BACK, sign * 40)
        turns[f"lowerarm01.{side}"] = rotation(RIGHT, -rng.uniform(50, 95))
    turns["spine03"] = rotation(UP, rng.normal(0, 5) + 0.2 * arm_swing * math.sin(phase)) @ rotation(
        RIGHT, -rng.uniform(-3, 7)
    )
    turns["neck02"] = rotation(UP, rng.normal(0, 14)) @ rotation(RIGHT, -rng.uniform(-6, 14))
    turns["root"] = rotation(BACK, rng.normal(0, 1.5))
    return turns
