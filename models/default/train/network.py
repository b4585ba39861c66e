"""The student: plain convolutions alone, so that every runtime computes it fast, in 8-bit integers too.

Pictures are [n, 3, height, width], x / 127.5 - 1, of any size (112 x 112 is what the strides are made for); the answer is not yet
of unit length. 1.75 M parameters and 153 M multiply-adds at 112 x 112.
"""

from torch import nn


def convolution(inputs, outputs, size, stride=1, *, rectified=True):
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU()) if rectified else nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """He et al. 2016, without a stride; begins as the identity, as the last scale is 0 (Goyal et al. 2017)."""

    def __init__(self, channels, inner):
        super().__init__()
        self.inner = nn.Sequential(
            convolution(channels, inner, 1),
            convolution(inner, inner, 3),
            convolution(inner, channels, 1, rectified=False),
        )
        nn.init.zeros_(self.inner[-1][1].weight)

    def forward(self, x):
        return nn.functional.relu(x + self.inner(x))


class Student(nn.Module):
    def __init__(self, dimensions):
        super().__init__()
        self.body = nn.Sequential(
            convolution(3, 24, 3, stride=2),
            convolution(24, 64, 3, stride=2),
            *(Bottleneck(64, 32) for _ in range(2)),
            convolution(64, 128, 3, stride=2),
            *(Bottleneck(128, 64) for _ in range(4)),
            convolution(128, 256, 3, stride=2),
            *(Bottleneck(256, 128) for _ in range(4)),
            convolution(256, 512, 1),
        )
        self.last = nn.Linear(512, dimensions)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.last.weight, std=0.02)
        nn.init.zeros_(self.last.bias)

    def forward(self, pictures):
        return self.last(self.body(pictures).mean((2, 3)))
