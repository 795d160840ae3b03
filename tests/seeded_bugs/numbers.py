"""Bugs of arithmetic: NaN on inputs that occur, gradients that are NaN, overflow, and digits that cancel."""

from tests.seeded_bugs.edit import Bug

_FINITE = ("finite",)

NUMBERS = (
    Bug(
        name="no_variance",
        says="Each step is divided by its spread over the channels, which may be zero.",
        expects=_FINITE,
        stream="h = (x - x.mean(dim=-1, keepdim=True)) / x.std(dim=-1, keepdim=True)",
    ),
    Bug(
        name="gradient_of_a_zero_norm",
        says="Each step is divided by its norm; the epsilon outside the root keeps the value finite, not the gradient.",
        expects=_FINITE,
        stream="h = x / (x.square().sum(dim=-1, keepdim=True).sqrt() + 1e-6)",
    ),
    Bug(
        name="gradient_of_what_where_hides",
        says="torch.where hides the root of negative values, but not its gradient.",
        expects=_FINITE,
        mixed="o = torch.where(o > 0, o.sqrt(), o)",
    ),
    Bug(
        name="division_by_a_product_of_decays",
        says="A decaying sum as a running product times the sum of values over it: the product underflows at length.",
        expects=_FINITE,
        init="self.rate = nn.Parameter(torch.zeros(d_model))",
        mixed="""
            kept = torch.sigmoid(self.rate).expand_as(o).cumprod(dim=1)
            o = kept * (o / kept).cumsum(dim=1)
        """,
    ),
    Bug(
        name="exponential_of_the_input",
        says="exp of the raw input: it overflows where inputs are a hundred times larger.",
        expects=("range",),
        verdict="warn",
        mixed="o = o + torch.exp(x)",
    ),
    Bug(
        name="digits_cancel",
        says="A large constant is added and taken away again, and with it the digits that bfloat16 has.",
        expects=("range",),
        verdict="warn",
        mixed="o = (o + 500.0) - 500.0",
    ),
)
