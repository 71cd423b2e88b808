"""The strategy `rebalance`: the packer with distances that follow the market, moving only orders that are wrong."""
